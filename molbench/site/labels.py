"""Test labels of a task for its page, which scores a reader's predictions with them."""

from __future__ import annotations

import re
from typing import Any

from molbench.evaluation.kinds import kind_of
from molbench.leaderboard.records import Records
from molbench.metrics import METRICS
from molbench.site.evidence import Evidence
from molbench.site.facts import Facts
from molbench.spec.units import convertible, factor

#: Metrics that the page computes.
_KNOWN = {"mae", "rmse", "r2", "pearson", "spearman", "accuracy", "f1", "auroc", "average_precision"}
#: Licences under which labels may be given on.
_OPEN = re.compile(r"(CC0-1\.0|CC-BY-4\.0)\b(?!-)")


def labels_of(name: str, records: Records, evidence: Evidence, facts: Facts) -> dict[str, Any] | None:
    """Ids and labels of the test records, and the scores that there are.

    Returns:
        None where a record has more than one label, the task is a cross-validation, its metrics are not known
        to the page, or the dataset's licence does not let its labels be given on.
    """
    task = facts.task(name)
    stored = evidence.one(name)
    if task is None or stored is None or task.fold or not _OPEN.match(task.dataset.licence):
        return None
    declared, predictions = stored.result.task.declaration, stored.predictions
    if predictions.target.ndim > 1 or predictions.forces or not _KNOWN.issuperset(declared.metrics):
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
            }
        )
    best = {score.model: score.mean for score in records.by_task[name]}
    return {
        "task": name,
        "unit": predictions.unit,
        "units": {unit: factor(unit, predictions.unit) for unit in convertible(predictions.unit)},
        "ids": predictions.ids,
        "target": predictions.target.tolist(),
        "metrics": metrics,
        "scores": sorted(best.items()),
    }
