"""CIGIN for pairs of drugs: one graph isomorphism network for both, and an interaction map.

The drug-drug encoder of 3DMRL (arXiv 2412.02957); the network is GINE (Hu et al., ICLR 2020) with jumping
knowledge (Xu et al., ICML 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch_geometric.nn import GINEConv, Set2Set

from molbench.backbones.pairs.base import PairBackbone, PairConfig, PairRepresentation
from molbench.backbones.pairs.interaction import interact
from molbench.backbones.pairs.layers import perceptron, read_out, start
from molbench.chem.features import ATOM_BITS, BOND_BITS
from molbench.graph.pairs import MolecularGraphs, PairBatch

if TYPE_CHECKING:
    from molbench.chem.features import Kind


@dataclass(frozen=True)
class GINCIGINConfig(PairConfig):
    """Settings of :class:`GINCIGIN`.

    Attributes:
        hidden: Features of an atom before the interaction.
        layers: Rounds of message passing.
        readout_steps: Rounds of attention of the readout.
        unordered: Whether a pair's vector is the sum of its two molecules' vectors and the magnitude of their
            difference, so that (A, B) is (B, A). The release puts one behind the other and so gives two
            answers for a pair that has no order; the numbers are as many.
    """

    hidden: int = 300
    layers: int = 3
    readout_steps: int = 2
    unordered: bool = True


class GINCIGIN(PairBackbone[GINCIGINConfig]):
    """CIGIN encoder with one shared GINE network.

    Args:
        config: Settings.
    """

    name = "gin-cigin"
    features: ClassVar[Kind] = "drug"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"hidden": 32}

    def __init__(self, config: GINCIGINConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.atom_width, self.width = 2 * config.hidden, 8 * config.hidden
        self.network = GIN(ATOM_BITS[self.features], BOND_BITS[self.features], config.hidden, config.layers)
        self.readout = Set2Set(self.atom_width, config.readout_steps)
        self.apply(start)

    def paper_head(self) -> nn.Module:
        """See :meth:`PairBackbone.paper_head`; here one linear layer."""
        return perceptron(self.width, 1)

    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """See :meth:`PairBackbone.encode`."""
        a, b = normalize(self.network(pairs.a)), normalize(self.network(pairs.b))
        from_b, from_a = interact(a, b, pairs)
        a, b = torch.cat([a, from_b], dim=-1), torch.cat([b, from_a], dim=-1)
        first, second = read_out(self.readout, a, pairs.a), read_out(self.readout, b, pairs.b)
        if self.config.unordered:
            first, second = first + second, (first - second).abs()
        return PairRepresentation(a, torch.cat([first, second], dim=-1), b_atoms=b)


class GIN(nn.Module):
    """GINE layers whose inputs and outputs are mixed at the end.

    Args:
        atom_bits: Input features of an atom.
        bond_bits: Input features of a bond.
        width: Features of an atom, F.
        layers: Rounds of message passing.
    """

    def __init__(self, atom_bits: int, bond_bits: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(atom_bits, width)
        self.bonds = nn.ModuleList(nn.Linear(bond_bits, width) for _ in range(layers))
        self.convs = nn.ModuleList(
            GINEConv(perceptron(width, 2 * width, width), train_eps=True) for _ in range(layers)
        )
        self.mix = nn.Linear((layers + 1) * width, width)

    def forward(self, graphs: MolecularGraphs) -> Tensor:
        """Features of every atom, [N, F]."""
        states = [self.embedding(graphs.atoms)]
        for encoder, conv in zip(self.bonds, self.convs, strict=True):
            of_bonds = encoder(graphs.bond_features)
            x = conv(states[-1], graphs.edge_index, torch.cat([of_bonds, of_bonds]))
            states.append(x.relu())
        mixed: Tensor = self.mix(torch.cat(states, dim=-1))
        return mixed
