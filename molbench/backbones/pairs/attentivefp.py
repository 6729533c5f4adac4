"""Two AttentiveFP networks side by side (Xiong et al., J. Med. Chem. 63, 8749, 2020), as in 3DMRL."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import elu, leaky_relu
from torch_geometric.nn import global_add_pool
from torch_geometric.nn.models import AttentiveFP as PygAttentiveFP
from torch_geometric.nn.models.attentive_fp import GATEConv
from torch_geometric.utils import softmax

from molbench.backbones.pairs.base import PairBackbone, PairConfig, PairRepresentation
from molbench.backbones.pairs.layers import start
from molbench.chem.features import ATOM_BITS, BOND_BITS
from molbench.graph.atom_environments import atom_environments
from molbench.graph.pairs import MolecularGraphs, PairBatch


@dataclass(frozen=True)
class AttentiveFPConfig(PairConfig):
    """Settings of :class:`AttentiveFP`.

    Attributes:
        layers: Rounds of attention between bonded atoms.
        readout_steps: Rounds of attention of the readout.
    """

    layers: PositiveInt = 3
    readout_steps: PositiveInt = 2


class AttentiveFP(PairBackbone[AttentiveFPConfig]):
    """Dual AttentiveFP encoder.

    Args:
        config: Settings.
    """

    name = "attentivefp"

    def __init__(self, config: AttentiveFPConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.atom_width = width = ATOM_BITS[self.features]
        self.width = 2 * width
        self.network_a, self.network_b = (
            Network(width, BOND_BITS[self.features], config.layers, config.readout_steps) for _ in range(2)
        )
        self.apply(start)

    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """See :meth:`PairBackbone.encode`."""
        a, b = self.network_a.atoms(pairs.a), self.network_b.atoms(pairs.b)
        vectors = self.network_a.molecules(a, pairs.a), self.network_b.molecules(b, pairs.b)
        return PairRepresentation(a, torch.cat(vectors, dim=-1), b_atoms=b)


class Network(PygAttentiveFP):  # type: ignore[misc]  # PyG is untyped
    """PyG's ``AttentiveFP`` in two parts, since 3DMRL needs the atoms in between.

    Args:
        width: Features of an atom and of a molecule, F.
        bond_width: Features of a bond.
        layers: Rounds of attention between bonded atoms.
        readout_steps: Rounds of attention of the readout.
    """

    def __init__(self, width: int, bond_width: int, layers: int, readout_steps: int) -> None:
        super().__init__(width, width, width, bond_width, layers, readout_steps)
        self.gate_conv = AtomBondAttention(width, width, bond_width)

    def atoms(self, graphs: MolecularGraphs) -> Tensor:
        """Features of every atom, [N, F], computed on environments of atoms."""
        near = atom_environments(graphs, 1 + len(self.atom_convs))
        x: Tensor = leaky_relu(self.lin1(near.atoms))
        for round_, conv, gru in zip(
            near.rounds, [self.gate_conv, *self.atom_convs], [self.gru, *self.atom_grus], strict=True
        ):
            centre = x.index_select(0, round_.centre)
            bonds = near.bonds.index_select(0, round_.kind) if conv is self.gate_conv else None
            messages = conv((x, centre), torch.stack([round_.source, round_.target]), bonds)
            x = gru(elu(messages), centre).relu()
        return x.index_select(0, near.of_atom)

    def molecules(self, atoms: Tensor, graphs: MolecularGraphs) -> Tensor:
        """Vector of every molecule, [R, F]."""
        members = torch.stack([torch.arange(len(atoms), device=atoms.device), graphs.molecule])
        out = global_add_pool(atoms, graphs.molecule, graphs.num_graphs).relu()
        for _ in range(self.num_timesteps):
            out = self.mol_gru(elu(self.mol_conv((atoms, out), members)), out).relu()
        result: Tensor = self.lin2(out)
        return result


class AtomBondAttention(GATEConv):  # type: ignore[misc]  # PyG is untyped
    """The first layer, whose neighbours are atoms and bonds together, in the message as in the attention.

    That is the paper's form and that of PyG 2.0.3, with which 3DMRL was made; later releases of PyG leave the
    bonds out of the message.
    """

    def forward(self, x: tuple[Tensor, Tensor], edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Senders [C, F], receivers [C', F] and the bonds of E messages [E, B] to [C', F]."""
        (sender, receiver), (source, target) = x, edge_index
        neighbors = leaky_relu(self.lin1(torch.cat([sender.index_select(0, source), edge_attr], dim=-1)))
        scores = neighbors @ self.att_l.t() + (receiver @ self.att_r.t()).index_select(0, target)
        weights = softmax(leaky_relu(scores), target, num_nodes=len(receiver))
        sent = (weights * self.lin2(neighbors)).to(receiver.dtype)
        messages = torch.zeros_like(receiver).index_add(0, target, sent)
        result: Tensor = messages + self.bias
        return result
