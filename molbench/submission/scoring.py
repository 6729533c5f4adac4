"""Predictions beside the catalogue's own labels as what boards are made of: scores of a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from molbench.evaluation.built import Data
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.score import Scorer, constant, score
from molbench.evaluation.statistics import half_width, of_repeats
from molbench.metrics import METRICS
from molbench.spec.catalogue import TaskRef
from molbench.spec.recipe import Recipe
from molbench.submission.receipt import TaskScore
from molbench.submission.replicates import packed, replicates


def task_scores_of(
    task: TaskRef, protocol: Recipe, runs: Mapping[int, Predictions], data: Data, *, scratch: bool
) -> list[TaskScore]:
    """Score the predictions of one model on one task, under each version of the task, oldest first.

    Args:
        task: The task, of a cross-validation whichever of its folds.
        protocol: How they were made.
        runs: The predictions of each seed, beside the labels that they are held against.
        data: The records they were made on.
        scratch: Whether every seed has an encoder of its own.
    """
    fixed = protocol.kind == "audit" and not scratch
    task_scores = []
    for version, left_out in task.versions:
        kept = {seed: _without(part, left_out) for seed, part in runs.items()}
        task_scores.append(_task_score(task, version, protocol, kept, data=data, fixed=fixed))
    return task_scores


@dataclass
class _Sum:
    """What every test record adds to the mean over seeds."""

    share: float
    names: dict[str, list[str]] = field(default_factory=dict)
    contributions: dict[str, float] = field(default_factory=dict)

    def add(self, predictions: Predictions, influence: np.ndarray) -> None:
        listed = predictions.clusters.to_pylist() if predictions.clusters is not None else []
        added = (influence / len(predictions.ids) * self.share).tolist()
        for i, (name, one) in enumerate(zip(predictions.ids, added, strict=True)):
            self.names.setdefault(name, listed[i] if listed else [])
            self.contributions[name] = self.contributions.get(name, 0.0) + one


def _without(predictions: Predictions, ids: frozenset[str]) -> Predictions:
    """Predictions less those of some records."""
    if not ids:
        return predictions
    kept = [i for i, name in enumerate(predictions.ids) if name not in ids]
    return predictions.take(np.array(kept, dtype=np.int64))


def _task_score(
    task: TaskRef,
    version: str,
    protocol: Recipe,
    runs: Mapping[int, Predictions],
    *,
    data: Data,
    fixed: bool,
) -> TaskScore:
    declared = task.task
    metric = METRICS[declared.metrics[0]]
    total, unit = _Sum(1 / len(runs)), declared.unit
    values, trivial, others = [], [], dict.fromkeys(declared.metrics[1:], 0.0)
    ordered = [part for _, part in sorted(runs.items())]
    for part in ordered:
        scorer = Scorer.of(declared, declared.metrics[0], part)
        unit, scores = scorer.unit, score(declared, part)
        values.append(scores[declared.metrics[0]].value)
        trivial.append(scorer.value(constant(part)))
        for name in others:
            others[name] += scores[name].value / len(runs)
        total.add(part, scorer.influence(part))
    names, contributions = list(total.names.values()), np.array(list(total.contributions.values()))
    clusters = Clusters.of(names)
    drawn = clusters.component(contributions)
    ids = [of_record or [name] for name, of_record in zip(total.names, names, strict=True)]
    content = sha256(b"".join(part.prediction.astype(np.float64).tobytes() for part in ordered))
    task_score = TaskScore(
        task=task.id,
        version=version,
        protocol=protocol.name,
        protocol_version=protocol.version,
        metric=declared.metrics[0],
        metric_version=metric.version,
        unit=unit,
        direction=metric.direction,
        seeds=sorted(runs),
        values=[_rounded(value, 9) for value in values],
        constant=_rounded(float(np.mean(trivial)), 9),
        replicates=packed(replicates(f"{task.entry.id}/{task.subset or ''}", ids, contributions)),
        half_width=np.nan,
        records=len(names),
        clusters=_rounded(clusters.effective, 6),
        few=bool(drawn.few),
        others={name: _rounded(value, 9) for name, value in others.items()},
        content=content.hexdigest(),
        data=(data.digest, data.split),
        folds=task.scheme.folds[1],
        fixed=fixed,
    )
    exact = task_score.model_copy(update={"values": values})
    interval = float(half_width([drawn, of_repeats(exact.sample)]))
    # Of one seed it is infinite, which no JSON can say: it is not known.
    return (
        task_score.model_copy(update={"half_width": _rounded(interval, 6)})
        if np.isfinite(interval)
        else task_score
    )


def _rounded(value: float, digits: int) -> float:
    """What differs beyond so many digits between machines is noise."""
    return float(f"{value:.{digits}g}")
