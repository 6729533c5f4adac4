"""GraphCL: recognise a molecule that was changed in two ways among the others of the batch.

You et al., NeurIPS 2020 (arXiv 2010.13902), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder:
both ways are drawn for each molecule, the mean of its atoms' vectors passes a small network, and
cross-entropy is taken of dot products over a temperature, without normalisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.augment import KINDS, Augmentation, augment, draw_augmentation, mean_vectors
from molbench.methods.parts.contrast import info_nce
from molbench.methods.parts.draws import integers
from molbench.methods.parts.layers import two_layers
from molbench.methods.parts.views import with_bonds
from molbench.spec.config import Share


@dataclass(frozen=True)
class GraphCLConfig:
    """Settings of :class:`GraphCL`.

    Attributes:
        ratio: Share of a molecule that a change affects.
        temperature: What the dot products are divided by.
    """

    ratio: Share = 0.15
    temperature: PositiveFloat = 0.1


class GraphCL(Method[GraphCLConfig, tuple[Augmentation, Augmentation]]):
    r"""Contrast of two changed forms.

    Equation:
        \mathcal L = \left\langle -\log \frac{\exp(\hat g_m^\top \hat g'_m / \tau)}{\sum_n \exp(\hat
            g_m^\top \hat g'_n / \tau)} \right\rangle, \qquad g, g' \text{ of two changed forms}

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "graphcl"

    def __init__(self, backbone: GeometryBackbone, config: GraphCLConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.project = two_layers(backbone.width, backbone.width, backbone.width)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Augmentation, Augmentation]:
        """Both changes of each molecule."""
        batch = with_bonds(batch)
        pairs = integers(generator, len(KINDS) ** 2, batch.ptr.device, batch.num_graphs)
        first = draw_augmentation(batch, pairs // len(KINDS), generator)
        return first, draw_augmentation(batch, pairs % len(KINDS), generator)

    def loss_given(
        self, batch: MoleculeBatch, draws: tuple[Augmentation, Augmentation]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of molecules recognised."""
        batch = with_bonds(batch)
        first, second = mean_vectors(
            self.backbone, *(augment(batch, self.config.ratio, one) for one in draws)
        )
        loss, accuracy = info_nce(self.project(first), self.project(second), self.config.temperature)
        return loss, {"accuracy": accuracy}
