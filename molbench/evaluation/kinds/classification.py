"""Class 0 or 1 of a record; what is predicted is the probability of class 1."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from typing_extensions import override

from molbench.errors import UserError
from molbench.evaluation.kinds.base import Normalisation, TaskKind
from molbench.spec.protocol import Protocol
from molbench.spec.tasks import Task

if TYPE_CHECKING:
    import torch

    from molbench.data.read.store import Store
    from molbench.evaluation.kinds.base import Loss
    from molbench.evaluation.predictions import Predictions
    from molbench.spec.catalogue import TaskRef


class Classification(TaskKind):
    """Labels as they are, learnt as logits by their cross-entropy."""

    name = "classification"
    families = ("classification",)
    continuous = False
    usual_metrics = ("auroc", "average_precision", "f1", "accuracy")
    standardised = False
    alike = "all {split} records are of one class"

    @override
    @classmethod
    def recognises(cls, values: Set[float], unit: str) -> bool:
        return values == {0.0, 1.0} and unit == "1"

    @override
    def must_vary(self, task: Task) -> bool:
        return True

    @override
    def undefined(self, task: Task, labels: np.ndarray, split: str = "test") -> str | None:
        if labels.size and np.ptp(labels) > 0:
            return None
        said = super().undefined(task, labels, split)
        return said or f"{self.alike.format(split=split)}; always saying so would be right"

    @override
    def unlearnable(self, labels: np.ndarray) -> str | None:
        varied = labels.size and np.ptp(labels) > 0
        return None if varied else f"{self.alike.format(split='training')}; there is nothing to learn"

    @override
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        if not np.isin(labels[np.isfinite(labels)], (0, 1)).all():
            raise UserError(f"{task.id}: classes must be 0 and 1")
        return Normalisation(np.zeros(len(labels)))

    @override
    def loss(self, name: Literal["l1", "mse"]) -> Loss:
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits

    @override
    def activation(self, outputs: torch.Tensor, logit_threshold: float) -> torch.Tensor:
        return (outputs - logit_threshold).sigmoid()

    @override
    def too_few(self, labels: np.ndarray) -> str | None:
        smallest = np.bincount(labels.astype(int), minlength=2).min()
        return "two training records of each class" if smallest < 2 else None

    @override
    def linear(self, labels: np.ndarray, protocol: Protocol, seed: int) -> Any:
        """Logistic regression with the penalty of the highest likelihood on held-out folds."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, StratifiedKFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        smallest = int(np.bincount(labels.astype(int), minlength=2).min())
        splitter = StratifiedKFold(min(protocol.folds, smallest), shuffle=True, random_state=seed)
        return GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            {"logisticregression__C": [1 / alpha for alpha in protocol.alphas]},
            cv=splitter,
            scoring="neg_log_loss",
        )

    @override
    def trees(self) -> type[Any] | None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier  # type: ignore[no-any-return]

    @override
    def predicted(self, fitted: Any, features: np.ndarray) -> np.ndarray:
        probabilities: np.ndarray = fitted.predict_proba(features)[:, 1]
        return probabilities

    @override
    def compared_unit(self, task: TaskRef) -> str | None:
        return None

    @override
    def scale_warnings(self, task: Task, predictions: Predictions) -> list[str]:
        outside = np.flatnonzero((predictions.prediction < 0) | (predictions.prediction > 1))
        if outside.size == 0:
            return []
        return ["classification needs probabilities; some predictions lie outside 0 … 1"]
