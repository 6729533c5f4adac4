"""Each test record's own score of each model, mean over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.repeats import TaskRecords
from molbench.evaluation.result import Stored
from molbench.evaluation.score import Scorer
from molbench.evaluation.summary import SummaryRow

#: A result to what its model is called in a figure.
Naming = Callable[[Stored], str]


def naming(results: Sequence[Stored]) -> Naming:
    """Names as they are; with the protocol behind them where a model was scored under several."""
    protocols: dict[str, set[str]] = {}
    for stored in results:
        protocols.setdefault(stored.result.checkpoint.name, set()).add(stored.result.protocol.name)

    def name(stored: Stored) -> str:
        model, protocol = stored.result.checkpoint.name, stored.result.protocol.name
        return model if len(protocols[model]) == 1 else f"{model}, {protocol}"

    return name


@dataclass(frozen=True, eq=False)
class Shown:
    """What figures are drawn from.

    Attributes:
        results: Every result.
        summaries: The same by model and task, models as ``name`` calls them.
        name: What the model of a result is called.
    """

    results: Sequence[Stored]
    summaries: Sequence[SummaryRow]
    name: Naming


@dataclass(frozen=True, eq=False)
class TaskScores:
    """One task.

    Attributes:
        metric: Primary metric.
        ids: Test records.
        scores: Model to each record's own score, [n], whose mean is the score of the task; NaN where no run
            of the model tested the record.
        clusters: How records hang together.
    """

    task: str
    metric: str
    unit: str
    direction: str
    ids: list[str]
    scores: dict[str, np.ndarray]
    clusters: Clusters


def by_task(results: Sequence[Stored], name: Naming) -> list[TaskScores]:
    """Scores of records by task, in order of first appearance.

    Raises:
        UserError: If results of one task were not made on the same records.
    """
    groups: dict[str, dict[str, list[Stored]]] = {}
    for stored in results:
        result = stored.result
        groups.setdefault(result.task.id, {}).setdefault(name(stored), []).append(stored)
    return [_of_task(task, models) for task, models in groups.items()]


def _of_task(task: str, models: dict[str, list[Stored]]) -> TaskScores:
    everything = [stored for runs in models.values() for stored in runs]
    records, first = TaskRecords.of(everything), everything[0]
    declaration = first.result.task.declaration
    scorer = Scorer.of(declaration, declaration.metrics[0], first.predictions)
    scores = {model: _mean(runs, records) for model, runs in models.items()}
    metric = scorer.metric
    ids = list(records.ids)
    return TaskScores(task, metric.name, scorer.unit, metric.direction, ids, scores, records.clusters)


def _mean(runs: Sequence[Stored], records: TaskRecords) -> np.ndarray:
    total, count = np.zeros(len(records.ids)), np.zeros(len(records.ids))
    for stored in runs:
        rows = records.places[stored.result.task.scheme]
        total[rows] += stored.value + stored.contributions * len(rows)
        count[rows] += 1
    mean: np.ndarray = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean


def relative(summaries: Sequence[SummaryRow]) -> dict[str, dict[str, float]]:
    """Task to each model's score as a share of the best one's, 1 for the best."""
    groups: dict[str, list[SummaryRow]] = {}
    for summary in summaries:
        groups.setdefault(summary.task, []).append(summary)
    shares: dict[str, dict[str, float]] = {}
    for task, task_summaries in groups.items():
        lower = task_summaries[0].direction == "lower"
        best = (min if lower else max)(summary.mean for summary in task_summaries)
        ratios = {
            summary.candidate: (best, summary.mean) if lower else (summary.mean, best)
            for summary in task_summaries
        }
        shares[task] = {name: a / b if b > 0 else float(a == b) for name, (a, b) in ratios.items()}
    return shares
