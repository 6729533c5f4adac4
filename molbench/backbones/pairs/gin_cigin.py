"""CIGIN for pairs of drugs: one graph isomorphism network for both, and an interaction map.

The drug-drug encoder of 3DMRL (arXiv 2412.02957); the network is GINE (Hu et al., ICLR 2020) with jumping
knowledge (Xu et al., ICML 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch_geometric.nn import GINEConv

from molbench.backbones.pairs.base import PairBackbone, PairConfig, PairRepresentation
from molbench.backbones.pairs.blocks import PairBlock, blocks, gathered
from molbench.backbones.pairs.interaction import Interacting, received
from molbench.backbones.pairs.layers import perceptron, start
from molbench.backbones.pairs.readout import read_out_interacting
from molbench.backbones.pairs.set2set import Set2Set
from molbench.chem.features import ATOM_BITS, BOND_BITS
from molbench.graph.atom_environments import atom_environments
from molbench.graph.pairs import MolecularGraphs, PairBatch
from molbench.kernels.products import Linear, linear

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

    hidden: PositiveInt = 300
    layers: PositiveInt = 3
    readout_steps: PositiveInt = 2
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
        features, of_atom = self.network(MolecularGraphs.collate([pairs.a, pairs.b]))
        features = normalize(features)
        of_a, of_b = of_atom.split([len(pairs.a.atoms), len(pairs.b.atoms)])
        made, rows = blocks(pairs)
        interacting = _interacting(features, of_a, of_b, made)
        first, second = (
            vectors.index_select(0, rows)
            for vectors in read_out_interacting(interacting, self.readout, self.readout)
        )
        if self.config.unordered:
            first, second = first + second, (first - second).abs()
        from_b, from_a = received(interacting)
        a = torch.cat([features.index_select(0, of_a), from_b], dim=-1)
        b = torch.cat([features.index_select(0, of_b), from_a], dim=-1)
        return PairRepresentation(a, torch.cat([first, second], dim=-1), b_atoms=b)


def _interacting(features: Tensor, of_a: Tensor, of_b: Tensor, made: list[PairBlock]) -> list[Interacting]:
    """Atoms of both molecules of pairs, each with the features of its environment, [C, F]."""
    none = of_a.new_full((1,), len(features))
    of_a, of_b = torch.cat([of_a, none]), torch.cat([of_b, none])
    padded = gathered(features, [of_a[block.a] for block in made] + [of_b[block.b] for block in made])
    parts = zip(made, padded[: len(made)], padded[len(made) :], strict=True)
    return [Interacting(*part) for part in parts]


class GIN(nn.Module):
    """GINE layers whose inputs and outputs are mixed at the end, computed on environments of atoms.

    Args:
        atom_bits: Input features of an atom.
        bond_bits: Input features of a bond.
        width: Features of an atom, F.
        layers: Rounds of message passing.
    """

    def __init__(self, atom_bits: int, bond_bits: int, width: int, layers: int) -> None:
        super().__init__()
        self.embedding = Linear(atom_bits, width)
        self.bonds = nn.ModuleList(nn.Linear(bond_bits, width) for _ in range(layers))
        self.convs = nn.ModuleList(
            GINEConv(perceptron(width, 2 * width, width), train_eps=True) for _ in range(layers)
        )
        self.mix = Linear((layers + 1) * width, width)

    def forward(self, graphs: MolecularGraphs) -> tuple[Tensor, Tensor]:
        """Features of the different environments of atoms [C, F], and which each atom has, [N]."""
        near = atom_environments(graphs, len(self.convs))
        x = self.embedding(near.atoms)
        parts = self.mix.weight.chunk(len(near.rounds) + 1, dim=1)
        mixed = linear(x, parts[0], self.mix.bias)
        for encoder, conv, step, part in zip(self.bonds, self.convs, near.rounds, parts[1:], strict=True):
            messages = torch.stack([step.source, step.target])
            x = conv(
                (x, x.index_select(0, step.centre)), messages, encoder(near.bonds).index_select(0, step.kind)
            ).relu()
            mixed = mixed.index_select(0, step.centre) + linear(x, part)
        return mixed, near.of_atom
