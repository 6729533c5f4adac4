"""InfoGraph: tell whether an atom belongs to a molecule, by the dot product of their vectors.

Sun et al., ICLR 2020 (arXiv 1908.01000), as 3D-EMGP (arXiv 2207.08824) implements it anew: the molecule's
vector is a small network of the mean of its atoms', the false partner is the next molecule in the batch.
"""

from __future__ import annotations

from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.config import NoSettings
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.parts.contrast import against_next
from molbench.methods.parts.layers import two_layers


class InfoGraph(Method[NoSettings, None]):
    r"""Contrast of atoms with molecules.

    Equation:
        \mathcal L = -\left\langle \log \varsigma(h_i^\top \hat g_m) \right\rangle_i - \left\langle
            \log \varsigma(-h_i^\top \hat g_n) \right\rangle_i, \qquad i \in m

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings; there are none.
    """

    name = "infograph"

    def __init__(self, backbone: GeometryBackbone, config: NoSettings | None = None) -> None:
        super().__init__(backbone, config)
        self.project = two_layers(backbone.width, backbone.width, backbone.width)

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of atoms told right."""
        atoms = self.backbone(batch).scalars
        summary = self.project(mean_atoms(atoms, batch))
        positive, negative = summary[batch.molecule], summary.roll(-1, 0)[batch.molecule]
        loss, accuracy = against_next((atoms * positive).sum(1), (atoms * negative).sum(1))
        return loss, {"accuracy": accuracy}
