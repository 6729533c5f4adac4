"""CIGIN: two message-passing networks joined by an interaction map.

Pathak, Laghuvarapu, Mehta, Priyakumar, AAAI 2020, in the form that 3DMRL (arXiv 2412.02957) pretrains.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor
from typing_extensions import TypeVar

from molbench.backbones.pairs.base import PairBackbone, PairConfig, PairRepresentation
from molbench.backbones.pairs.edge_network import EdgeNetwork
from molbench.backbones.pairs.interaction import interact
from molbench.backbones.pairs.layers import read_out, start
from molbench.backbones.pairs.set2set import Set2Set
from molbench.chem.features import ATOM_BITS, BOND_BITS
from molbench.graph.pairs import PairBatch


@dataclass(frozen=True)
class CIGINConfig(PairConfig):
    """Settings of :class:`CIGIN`.

    Attributes:
        steps: Rounds of message passing.
        readout_steps: Rounds of attention of the readout.
    """

    steps: PositiveInt = 3
    readout_steps: PositiveInt = 2


C_co = TypeVar("C_co", bound=CIGINConfig, covariant=True, default=CIGINConfig)


class CIGIN(PairBackbone[C_co]):
    """CIGIN encoder: an atom is its own features beside those it receives from the other molecule.

    Args:
        config: Settings.
    """

    name = "cigin"

    def __init__(self, config: C_co | None = None) -> None:
        super().__init__(config)
        config = self.config
        bits = ATOM_BITS[self.features]
        self.atom_width, self.width = 2 * bits, 8 * bits
        self.network_a, self.network_b = (
            EdgeNetwork(bits, BOND_BITS[self.features], config.steps) for _ in range(2)
        )
        self.readout_a, self.readout_b = (Set2Set(self.atom_width, config.readout_steps) for _ in range(2))
        self.apply(start)

    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """See :meth:`PairBackbone.encode`."""
        a, b = self.interacting_atoms(pairs)
        graph = torch.cat(
            [read_out(self.readout_a, a, pairs.a), read_out(self.readout_b, b, pairs.b)], dim=-1
        )
        return PairRepresentation(a, graph, b_atoms=b)

    def interacting_atoms(self, pairs: PairBatch) -> tuple[Tensor, Tensor]:
        """Features of the atoms of both molecules, [N_a, D] and [N_b, D]."""
        a, b = self.network_a(pairs.a), self.network_b(pairs.b)
        from_b, from_a = interact(a, b, pairs)
        return torch.cat([a, from_b], dim=-1), torch.cat([b, from_a], dim=-1)
