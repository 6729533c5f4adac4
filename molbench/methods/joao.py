"""JOAO: GraphCL that learns which pairs of changes to draw.

You et al., ICML 2021 (arXiv 2106.07594), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder.
After each epoch the probabilities p of the 25 pairs move towards those that were hard to recognise and stay
near the uniform ones: ``p + step (loss - γ (p - 1/25))``, projected onto the simplex. Each pair's loss is the
mean over the molecules that drew it during the epoch; the original measures it in passes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.augment import KINDS, Augmentation, augment, draw_augmentation, mean_vectors
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.layers import two_layers
from molbench.methods.parts.processes import over_processes
from molbench.methods.parts.views import with_bonds
from molbench.spec.config import Share

if TYPE_CHECKING:
    from molbench.data.read.store import Store

PAIRS = len(KINDS) ** 2


@dataclass(frozen=True)
class JOAOConfig:
    """Settings of :class:`JOAO`.

    Attributes:
        ratio: Share of a molecule that a change affects.
        temperature: What the dot products are divided by.
        step: How far the probabilities move along the losses.
        gamma: How strongly they are drawn to the uniform ones.
    """

    ratio: Share = 0.15
    temperature: PositiveFloat = 0.1
    step: NonNegativeFloat = 1.0
    gamma: NonNegativeFloat = 0.1


class JOAO(Method[JOAOConfig, tuple[Augmentation, Augmentation]]):
    r"""Contrast of two changed forms, the changes drawn by learned probabilities.

    Equation:
        \mathcal L = \left\langle -\log \frac{\exp(\hat g_m^\top \hat g'_m / \tau)}{\sum_n \exp(\hat
            g_m^\top \hat g'_n / \tau)} \right\rangle
        p \leftarrow \Pi\left( p + \eta \left( \mathcal L_{\text{pair}} - \gamma (p - \tfrac{1}{25})
            \right) \right) \text{ after each epoch}

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "joao"
    probability: Tensor
    losses: Tensor
    sums: Tensor
    counts: Tensor
    epoch_size: Tensor

    def __init__(self, backbone: GeometryBackbone, config: JOAOConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.project = self.projection()
        self.register_buffer("probability", torch.full((PAIRS,), 1 / PAIRS, dtype=torch.float64))
        # The last known loss of each pair, and those of the running epoch.
        self.register_buffer("losses", torch.zeros(PAIRS, dtype=torch.float64))
        self.register_buffer("sums", torch.zeros(PAIRS, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(PAIRS, dtype=torch.int64))
        self.register_buffer("epoch_size", torch.tensor(0))

    def projection(self) -> nn.Module:
        """The network on molecule vectors."""
        return two_layers(self.backbone.width, self.backbone.width, self.backbone.width)

    def projected(self, vectors: Tensor, kinds: Tensor) -> Tensor:  # noqa: ARG002 - JOAOv2 needs them
        """Molecule vectors [B, F], changed by kinds [B], to those that are compared."""
        result: Tensor = self.project(vectors)
        return result

    def prepare(self, store: Store, rows: np.ndarray) -> None:  # noqa: ARG002 - the number is enough
        """How many molecules make an epoch; without it the probabilities stay uniform."""
        self.epoch_size.fill_(len(rows))

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Augmentation, Augmentation]:
        """Both changes of each molecule."""
        batch = with_bonds(batch)
        share = uniform(generator, batch.ptr.device, batch.num_graphs)
        # The last border may be a rounding below 1.
        pairs = torch.searchsorted(self.probability.cumsum(0)[:-1], share, right=True)
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
        kinds = draws[0].kinds, draws[1].kinds
        scores = self.projected(first, kinds[0]) @ self.projected(second, kinds[1]).t()
        partners = torch.arange(len(scores), device=scores.device)
        losses = nn.functional.cross_entropy(scores / self.config.temperature, partners, reduction="none")
        if self.training:
            self._learn(kinds[0] * len(KINDS) + kinds[1], losses.detach())
        return losses.mean(), {"accuracy": (scores.argmax(1) == partners).double().mean()}

    def _learn(self, pairs: Tensor, losses: Tensor) -> None:
        """Count the losses in, and at the end of an epoch move the probabilities."""
        sums = torch.zeros_like(self.sums).index_add_(0, pairs, losses.to(self.sums.dtype))
        counts = torch.bincount(pairs, minlength=PAIRS)
        over_processes(sums, counts)
        self.sums += sums
        self.counts += counts
        if 0 < self.epoch_size <= self.counts.sum():
            self.losses.copy_(torch.where(self.counts > 0, self.sums / self.counts.clamp(min=1), self.losses))
            away = self.probability - 1 / PAIRS
            moved = self.probability + self.config.step * (self.losses - self.config.gamma * away)
            self.probability.copy_(onto_simplex(moved))
            self.sums.zero_()
            self.counts.zero_()


def onto_simplex(values: Tensor) -> Tensor:
    """The nearest probabilities: ``max(b - μ, 0)`` with the μ that makes their sum 1, [n].

    The original finds μ by bisection; sorting gives it exactly (Duchi et al., ICML 2008).
    """
    sorted_values = values.sort(descending=True).values
    numbers = torch.arange(1, len(values) + 1, device=values.device)
    mu = (sorted_values.cumsum(0) - 1) / numbers
    last = int((sorted_values > mu).sum()) - 1
    return (values - mu[last]).clamp(min=0)
