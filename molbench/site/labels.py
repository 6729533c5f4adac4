"""Test labels of a task for its page, which scores a reader's predictions with them."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import numpy as np

from molbench.evaluation.kinds import kind_of
from molbench.leaderboard.records import Records
from molbench.metrics import METRICS
from molbench.site.evidence import Evidence
from molbench.site.facts import Facts
from molbench.spec.units import convertible, factor

#: Metrics that the page computes.
_KNOWN = {
    *("mae", "rmse", "r2", "pearson", "spearman", "accuracy", "f1", "auroc", "average_precision"),
    *("force_mae", "force_rmse", "energy_mae", "energy_rmse"),
    *("spectral_cosine", "spectrum_mae", "spectrum_rmse"),
}
#: Labels up to which they are put beside a page, numbers of spectra and of forces included.
_MOST = 500_000
#: Licences under which labels may be given on.
_OPEN = re.compile(r"(CC0-1\.0|CC-BY-4\.0)\b(?!-)")


def labels_of(name: str, records: Records, evidence: Evidence, facts: Facts) -> dict[str, Any] | None:
    """Ids and labels of the test records, and the scores that there are.

    Returns:
        None where there are too many numbers for a page, the task is a cross-validation, its metrics are not
        known to the page, or the dataset's licence does not let its labels be given on.
    """
    task = facts.task(name)
    stored = evidence.one(name)
    if task is None or stored is None or task.fold or not _OPEN.match(task.dataset.licence):
        return None
    declared, predictions = stored.result.task.declaration, stored.predictions
    target, forces = predictions.target, predictions.forces
    size = target.size + (forces.target.size if forces else 0)
    if size > _MOST or not _KNOWN.issuperset(declared.metrics):
        return None
    metrics = []
    for metric in (METRICS[name] for name in declared.metrics):
        given, reported = kind_of(declared).units(declared, metric, predictions)
        scaled = metric.scaled
        metrics.append(
            {
                "name": metric.name,
                "unit": reported if scaled else "1",
                "factor": factor(given, reported) if scaled else 1.0,
                "lower": metric.direction == "lower",
                "of": metric.of,
            }
        )
    best = {score.model: score.mean for score in records.by_task[name]}
    return {
        "task": name,
        "unit": predictions.unit,
        "units": _factors(predictions.unit),
        "ids": predictions.ids,
        "target": target.tolist() if target.ndim == 1 else _packed(target),
        "points": None if target.ndim == 1 else target.shape[1],
        "forces": forces
        and {
            "unit": forces.unit,
            "units": _factors(forces.unit),
            "sizes": np.diff(forces.offsets).tolist(),
            "target": _packed(forces.target),
        },
        "metrics": metrics,
        "scores": sorted(best.items()),
    }


def _factors(unit: str) -> dict[str, float]:
    """What a number in each unit that converts is multiplied by."""
    return {other: factor(other, unit) for other in convertible(unit)}


def _packed(values: np.ndarray) -> dict[str, Any]:
    """Many numbers, in single precision where nothing is lost by it."""
    single = values.astype("<f4")
    compact = single if np.array_equal(single, values) else values.astype("<f8")
    return {"bytes": compact.itemsize, "values": b64encode(compact.tobytes()).decode("ascii")}
