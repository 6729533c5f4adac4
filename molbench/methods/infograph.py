"""InfoGraph: tell whether an atom belongs to a molecule, by the dot product of their vectors.

Sun et al., ICLR 2020 (arXiv 1908.01000), as 3D-EMGP (arXiv 2207.08824) implements it anew: the molecule's
vector is a small network of the mean of its atoms', the false partner is the next molecule in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from molbench.backbones.base import Backbone
from molbench.graph.batch import Batch
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.parts.contrast import against_next
from molbench.methods.parts.layers import two_layers


@dataclass(frozen=True)
class InfoGraphConfig:
    """Settings of :class:`InfoGraph`; there are none."""


class InfoGraph(Method):
    """Contrast of atoms with molecules.

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "infograph"
    Config: ClassVar[type] = InfoGraphConfig
    random = False

    def __init__(self, backbone: Backbone, config: InfoGraphConfig | None = None) -> None:
        super().__init__(backbone, config or InfoGraphConfig())
        self.project = two_layers(backbone.width, backbone.width, backbone.width)

    def loss(
        self,
        batch: Batch,
        generator: torch.Generator,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss`; logs the share of atoms told right."""
        atoms = self.backbone(batch).scalars
        summary = self.project(mean_atoms(atoms, batch))
        own, other = summary[batch.molecule], summary.roll(-1, 0)[batch.molecule]
        loss, accuracy = against_next((atoms * own).sum(1), (atoms * other).sum(1))
        return loss, {"accuracy": accuracy}
