"""Distance prediction: read the distance of two atoms from their vectors.

The baseline of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602): a linear layer on the vectors of every
ordered pair of atoms of a molecule, mean absolute error in Å.
"""

from __future__ import annotations

from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.config import NoSettings
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.methods.base import Method


class DistancePrediction(Method[NoSettings, None]):
    r"""Regression of interatomic distances.

    Equation:
        \mathcal L = \frac{1}{P} \sum_{i \ne j} \left| w^\top [h_i, h_j] + w_0 - d_{ij} \right|

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings; there are none.
    """

    name = "distance-prediction"

    def __init__(self, backbone: GeometryBackbone, config: NoSettings | None = None) -> None:
        super().__init__(backbone, config)
        self.head = nn.Linear(2 * backbone.width, 1)

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`."""
        # A linear layer on two atoms is a sum of one on each.
        of_ends = nn.functional.linear(self.backbone(batch).scalars, self.head.weight.view(2, -1))
        first, second = (of_ends + self.head.bias / 2).unbind(-1)
        pairs = all_pairs(batch.ptr)
        distances = pairs.distances(batch.positions)
        there = first[pairs.source] + second[pairs.target] - distances
        back = first[pairs.target] + second[pairs.source] - distances
        loss = (there.abs() + back.abs()).sum() / max(2 * pairs.num_edges, 1)
        return loss, {}
