"""3D InfoGraph: tell whether an atom belongs to a molecule, given both vectors.

The baseline of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602) after Deep Graph Infomax: a bilinear
score of atom vector and summary of the molecule, against the summary of the next molecule in the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.config import NoSettings
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.contrast import against_next


class InfoGraph3D(Method[NoSettings, None]):
    r"""Contrast of atoms with molecules.

    Equation:
        \mathcal L = -\left\langle \log \varsigma(h_i^\top W^\top \varsigma(g_m)) \right\rangle_i -
            \left\langle \log \varsigma(-h_i^\top W^\top \varsigma(g_n)) \right\rangle_i, \qquad i \in m

    Args:
        backbone: Encoder whose atom scalars and molecule vectors are used.
        config: Settings; there are none.
    """

    name = "infograph-3d"

    def __init__(self, backbone: GeometryBackbone, config: NoSettings | None = None) -> None:
        super().__init__(backbone, config)
        width = backbone.width
        self.weight = nn.Parameter(torch.empty(width, width).uniform_(-(width**-0.5), width**-0.5))

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of atoms told right."""
        encoded = self.backbone(batch)
        keys = encoded.graph.sigmoid() @ self.weight
        molecule_keys, other_keys = keys[batch.molecule], keys.roll(-1, 0)[batch.molecule]
        positive, negative = (encoded.scalars * molecule_keys).sum(1), (encoded.scalars * other_keys).sum(1)
        loss, accuracy = against_next(positive, negative)
        return loss, {"accuracy": accuracy}
