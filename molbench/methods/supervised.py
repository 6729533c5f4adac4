"""Supervised pretraining: predict one labelled property of the pretraining molecules.

The baseline of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602), which predicts the total energy of
Molecule3D's molecules: mean absolute error of the value standardised over the whole pretraining set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.heads.values import halving
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method

if TYPE_CHECKING:
    from molbench.data.read.store import Store


@dataclass(frozen=True)
class SupervisedConfig:
    """Settings of :class:`Supervised`.

    Attributes:
        target: Column to predict.
    """

    target: str = "scf_energy"


class Supervised(Method[SupervisedConfig, None]):
    r"""Regression of one property; records without it count for nothing.

    Equation:
        \mathcal L = \left\langle \left| \hat y_m - \frac{y_m - \mu_y}{\sigma_y} \right| \right\rangle

    Args:
        backbone: Encoder whose molecule vectors are used.
        config: Settings.
    """

    name = "supervised"
    mean: Tensor
    std: Tensor

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`; a target of ``xtb-molecules``."""
        return {"target": "gap"}

    def __init__(self, backbone: GeometryBackbone, config: SupervisedConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.head = halving(backbone.width)
        self.register_buffer("mean", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("std", torch.tensor(1.0, dtype=torch.float64))

    @property
    def columns(self) -> tuple[str, ...]:
        """See :attr:`Method.columns`."""
        return (self.config.target,)

    def prepare(self, store: Store, rows: np.ndarray) -> None:
        """Mean and unbiased standard deviation of the labels; see :meth:`Method.prepare`.

        Raises:
            UserError: If fewer than two records are labelled, or all labels are equal.
        """
        labels = store.target(self.config.target)[rows]
        labels = labels[np.isfinite(labels)]
        if labels.size < 2 or not labels.std() > 0:
            raise UserError(
                f"{store.dataset_id}: column '{self.config.target}' has no two different values to learn from"
            )
        self.mean.fill_(labels.mean())
        self.std.fill_(labels.std(ddof=1))

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the error in the unit of the label."""
        values = self.head(self.backbone(batch).graph).squeeze(-1)
        labels = (batch.targets[self.config.target] - self.mean) / self.std
        known = labels.isfinite()
        error = (values - labels.nan_to_num()).abs() * known
        loss = error.sum() / known.sum().clamp(min=1)
        return loss, {"mae": loss.detach() * self.std}
