"""SchNet on virtual environments, as 3DMRL uses it: it knows whose atoms they are, not which elements."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from molbench.backbones.schnet import Interaction, SchNet, SchNetConfig, shifted_softplus
from molbench.graph.batch import Batch
from molbench.graph.convolution import convolve
from molbench.graph.neighbors import EdgeList, radius_edges
from molbench.methods.environment import Environment
from molbench.methods.interpolation import Stencil, nodes

# Between nodes, Å; a fiftieth of the width of SchNet's Gaussians of 0.1 Å.
_SPACING = 0.002


class EnvironmentEncoder(nn.Module):
    """Environments to vectors, the mean over their solute atoms.

    Filters are functions of the distance alone, and there are many more edges than it takes nodes to
    interpolate them to the rounding of single precision: they are computed at the nodes. Copies are rigid and
    share the filters of their solvent. The last block is only computed where it is looked at, on the solute.
    With a cap on the neighbours, which is the release's, SchNet is used as it is.

    Args:
        config: Of the SchNet.
        copies: Copies of a solvent at most, n.
    """

    def __init__(self, config: SchNetConfig, copies: int) -> None:
        super().__init__()
        self.copies = copies
        self.schnet = SchNet(config)

    def forward(self, environment: Environment, b: Batch) -> Tensor:
        """Vectors of environments, [R, F].

        Args:
            environment: With the solvents of b.
            b: Conformers of the solvents.
        """
        if self.schnet.config.max_neighbors is not None or not self.copies:
            return self.plainly(environment)
        schnet, batch, solute = self.schnet, environment.batch(), environment.is_solute
        within, between = _split(environment, batch, b, schnet.config.cutoff)
        near = solute[between.source] | solute[between.target]
        nearest = EdgeList(between.source[near], between.target[near], symmetric=True)
        at = nodes(schnet.config.cutoff, _SPACING, batch.positions)
        inside, outside, last_ones = (
            Stencil.of(edges.distances(part.positions), _SPACING, len(at))
            for edges, part in ((within, b), (between, batch), (nearest, batch))
        )
        x = schnet.embedding(batch.atomic_numbers)
        place = environment.origin * self.copies + environment.slot
        *blocks, last = cast(list[Interaction], list(schnet.interactions))
        for block in blocks:
            filters, sent = self._filters(block, at), block.atom_in(x)
            received = convolve(between, sent, outside.read(filters))
            copies = sent.new_zeros(b.num_atoms * self.copies, sent.shape[1])
            copies = copies.index_copy(0, place, sent[environment.placed]).view(b.num_atoms, self.copies, -1)
            own = convolve(within, copies, inside.read(filters)).flatten(0, 1)[place]
            received = received.index_add(0, environment.placed, own)
            x = x + block.update(shifted_softplus(block.atom_out(received)))
        received = convolve(nearest, last.atom_in(x), last_ones.read(self._filters(last, at)))[solute]
        x = x[solute] + last.update(shifted_softplus(last.atom_out(received)))
        return _mean(schnet.output_out(shifted_softplus(schnet.output_in(x))), batch.molecule[solute], batch)

    def plainly(self, environment: Environment) -> Tensor:
        """:meth:`forward` in so many words."""
        batch, solute = environment.batch(), environment.is_solute
        return _mean(self.schnet(batch).scalars[solute], batch.molecule[solute], batch)

    def _filters(self, block: Interaction, distances: Tensor) -> Tensor:
        """The filters of a block, with their envelope, at some distances, [K, F]."""
        basis = self.schnet.basis(distances)
        # Smooth beyond the cutoff, where the last nodes are.
        envelope = 0.5 * (torch.cos(distances * (math.pi / self.schnet.config.cutoff)) + 1)
        filters: Tensor = block.filter_out(shifted_softplus(block.filter_in(basis))) * envelope.unsqueeze(-1)
        return filters


def _split(environment: Environment, batch: Batch, b: Batch, cutoff: float) -> tuple[EdgeList, EdgeList]:
    """Neighbours within a copy, as atoms of the solvents, and all others, as atoms of the environments."""
    found = radius_edges(batch, cutoff)
    # The anchor of a placed atom names its copy.
    copy = torch.full_like(batch.molecule, -1).index_copy(0, environment.placed, environment.anchor)
    of_source, of_target = copy[found.source], copy[found.target]
    between = (of_source != of_target) | (of_source < 0)
    others = EdgeList(found.source[between], found.target[between], symmetric=True)
    return radius_edges(b, cutoff), others


def _mean(values: Tensor, molecule: Tensor, batch: Batch) -> Tensor:
    """Mean over the solute atoms of each environment, [R, F]."""
    total = values.new_zeros(batch.num_graphs, values.shape[1]).index_add(0, molecule, values)
    counts = torch.bincount(molecule, minlength=batch.num_graphs).clamp(min=1)
    return total / counts.unsqueeze(-1)
