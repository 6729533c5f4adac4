"""One number a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import override

from molbench.evaluation.kinds.base import Normalisation, TaskKind

if TYPE_CHECKING:
    from molbench.data.read.store import Store
    from molbench.spec.catalogue import TaskRef


class Regression(TaskKind):
    """Labels without those of free atoms, by mean and standard deviation of the training split."""

    name = "regression"
    families = ("regression",)
    usual_metrics = ("mae", "rmse", "r2")

    @override
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        from molbench.evaluation.references import free_atoms

        references = free_atoms(task, store)
        if not task.task.standardise:
            return Normalisation(references)
        learnt = labels[train] - references[train]
        return Normalisation(references, float(learnt.mean()), float(learnt.std()) or 1.0)

    @override
    def trees(self) -> type[Any] | None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor  # type: ignore[no-any-return]
