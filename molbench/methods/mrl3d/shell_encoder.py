"""SchNet on solvent shells, as 3DMRL uses it: it knows whose atoms they are, not which elements."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from molbench.backbones.schnet import Interaction, SchNet, SchNetConfig
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.activations import shifted_softplus
from molbench.methods.mrl3d.shell_messages import ShellEdges
from molbench.methods.mrl3d.solvent_shell import SolventShell


class ShellEncoder(nn.Module):
    """Shells to vectors, the mean over their solute atoms.

    Filters are functions of the distance alone, and there are many more edges than it takes nodes to
    interpolate them to the rounding of single precision: they are computed at the nodes. Copies are rigid and
    share the filters of their solvent. In the first block there are two kinds of atoms, so filters are summed
    before they meet features. The last block is only computed where it is looked at, on the solute.
    With a cap on the neighbours, which is the release's, SchNet is used as it is.

    Args:
        config: Of the SchNet.
        copies: Copies of a solvent at most, n.
    """

    def __init__(self, config: SchNetConfig, copies: int) -> None:
        super().__init__()
        self.copies = copies
        self.schnet = SchNet(config)

    def forward(self, shell: SolventShell, b: MoleculeBatch) -> Tensor:
        """Vectors of shells, [R, F].

        Args:
            shell: With the solvents of b.
            b: Conformers of the solvents.
        """
        schnet, config = self.schnet, self.schnet.config
        if config.max_neighbors is not None or not self.copies or config.interactions < 2:
            return self.plainly(shell)
        edges = ShellEdges.of(shell, b, self.copies, config.cutoff, schnet.intervals)
        solutes = edges.solutes
        kinds = schnet.embedding(torch.arange(2, device=b.positions.device))
        x = torch.cat([kinds[1].expand(solutes, -1), kinds[0].expand(edges.atoms - solutes, -1)])
        first, *blocks, last = cast(list[Interaction], list(schnet.interactions))
        received = edges.first_messages(first.atom_in(kinds), self._filters(first, edges.nodes))
        x = x + first.update(shifted_softplus(first.atom_out(received)))
        for block in blocks:
            received = edges.messages(block.atom_in(x), self._filters(block, edges.nodes))
            x = x + block.update(shifted_softplus(block.atom_out(received)))
        received = edges.last_messages(last.atom_in(x), self._filters(last, edges.nodes))
        x = x[:solutes] + last.update(shifted_softplus(last.atom_out(received)))
        x = schnet.output_out(shifted_softplus(schnet.output_in(x)))
        batch = shell.batch()
        return _mean(x, batch.molecule[shell.is_solute], batch)

    def plainly(self, shell: SolventShell) -> Tensor:
        """:meth:`forward` in so many words."""
        batch, solute = shell.batch(), shell.is_solute
        return _mean(self.schnet(batch).scalars[solute], batch.molecule[solute], batch)

    def _filters(self, block: Interaction, distances: Tensor) -> Tensor:
        """The filters of a block, with their envelope, at some distances, [K, F]."""
        basis = self.schnet.basis(distances)
        # Smooth beyond the cutoff, where the last nodes are.
        envelope = 0.5 * (torch.cos(distances * (math.pi / self.schnet.config.cutoff)) + 1)
        filters: Tensor = block.filter_out(shifted_softplus(block.filter_in(basis))) * envelope.unsqueeze(-1)
        return filters


def _mean(values: Tensor, molecule: Tensor, batch: MoleculeBatch) -> Tensor:
    """Mean over the solute atoms of each shell, [R, F]."""
    total = values.new_zeros(batch.num_graphs, values.shape[1]).index_add(0, molecule, values)
    counts = torch.bincount(molecule, minlength=batch.num_graphs).clamp(min=1)
    return total / counts.unsqueeze(-1)
