"""How far scores of one candidate on one task scatter."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from molbench.evaluation.result import TaskEntry


def deviation(tasks: Sequence[TaskEntry], values: np.ndarray) -> float | None:
    """Standard deviation (n - 1) over runs, None for one run.

    Where they are several repeats of a cross-validation, all with the same folds, it is that of the repeats'
    means over folds, as 3DMRL reports (arXiv 2412.02957). Single folds scatter more: they are smaller, and
    some are harder than others.

    Args:
        tasks: What each run was scored on.
        values: Its score, in the same order.
    """
    repeats: dict[int, dict[int, float]] = {}
    for task, value in zip(tasks, values, strict=True):
        if (place := _fold(task)) is None:
            break
        repeats.setdefault(place[0], {})[place[1]] = float(value)
    else:
        if len(repeats) > 1 and len({tuple(sorted(folds)) for folds in repeats.values()}) == 1:
            values = np.array([np.mean(list(folds.values())) for folds in repeats.values()])
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _fold(task: TaskEntry) -> tuple[int, int] | None:
    """Repeat and fold, which :func:`~molbench.spec.splits.fold_name` adds to the name of the scheme."""
    declared = task.id.partition("@")[2] or task.declaration.scheme
    found = re.fullmatch(rf"{re.escape(declared)}-(\d+)-(\d+)", task.scheme)
    return (int(found[1]), int(found[2])) if found else None
