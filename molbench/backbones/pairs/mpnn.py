"""Two message-passing networks side by side, without any interaction (Gilmer et al., ICML 2017).

The weakest of the encoders that 3DMRL (arXiv 2412.02957) pretrains.
"""

from __future__ import annotations

import torch

from molbench.backbones.pairs.base import PairBackbone, PairRepresentation
from molbench.backbones.pairs.cigin import CIGINConfig
from molbench.backbones.pairs.edge_network import EdgeNetwork
from molbench.backbones.pairs.layers import read_out, start
from molbench.backbones.pairs.set2set import Set2Set
from molbench.chem.features import ATOM_BITS, BOND_BITS
from molbench.graph.pairs import PairBatch


class MPNN(PairBackbone[CIGINConfig]):
    """Dual MPNN encoder.

    Args:
        config: Settings, those of CIGIN.
    """

    name = "mpnn"

    def __init__(self, config: CIGINConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.atom_width = ATOM_BITS[self.features]
        self.width = 4 * self.atom_width
        self.network_a, self.network_b = (
            EdgeNetwork(self.atom_width, BOND_BITS[self.features], config.steps) for _ in range(2)
        )
        self.readout_a, self.readout_b = (Set2Set(self.atom_width, config.readout_steps) for _ in range(2))
        self.apply(start)

    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """See :meth:`PairBackbone.encode`."""
        a, b = self.network_a(pairs.a), self.network_b(pairs.b)
        graph = torch.cat(
            [read_out(self.readout_a, a, pairs.a), read_out(self.readout_b, b, pairs.b)], dim=-1
        )
        return PairRepresentation(a, graph, b_atoms=b)
