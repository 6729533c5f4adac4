"""Ranking with its uncertainty.

A task's *error* is its primary metric, or one minus it where higher is better. A model's *relative error* is
the geometric mean over tasks of its error over that of predicting one constant. Ratios make tasks of
different units comparable, and the order of two models does not depend on the constant: it cancels in their
ratio. Tasks weigh alike, however many records and seeds they have.

Uncertainty is that of :mod:`molbench.evaluation.statistics`, to first order in the logarithm. Records that
several tasks test on, and seeds, which may draw one encoder for all tasks, count once. A model's rank is one
more than the number of models that are told to be better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Measurement
from molbench.evaluation.repeats import Runs, TaskRecords, repeats_of
from molbench.evaluation.result import Stored
from molbench.evaluation.score import Scorer, constant
from molbench.evaluation.statistics import LEVEL
from molbench.evaluation.summary import MORE_SEEDS, Delta, verdicts
from molbench.leaderboard.collect import Collection
from molbench.leaderboard.separation import Measured, Separation

_TINY = 1e-12


@dataclass(frozen=True)
class Standing:
    """Where a model stands.

    Attributes:
        model: Its name.
        rank: One more than the number of models told to be better; also the first place it may have.
        last: Last place it may have.
        relative_error: See above.
        low: Lower end of the 95 % interval of that.
        high: Upper end.
        gain: What pretraining does to the logarithm of the error of the same backbone from scratch; None
            without that.
    """

    model: str
    rank: int
    last: int
    relative_error: float
    low: float
    high: float
    gain: Delta | None


@dataclass(frozen=True)
class Ranking:
    """A board's order.

    Attributes:
        standings: Of all ranked models, best first.
        detectable: Smallest true difference of two models' relative errors, as a share, that is found in 80 %
            of repetitions for a typical pair, adjusted for all pairs; None for no pair, or one seed.
        detectable_later: The same with three times as many seeds.
    """

    standings: list[Standing] = field(default_factory=list)
    detectable: float | None = None
    detectable_later: float | None = None


def rank(collection: Collection) -> Ranking:
    """Rank all models that have every task of the board with enough seeds.

    Nothing is ranked where records are missing: nobody else has the same.
    """
    nothing = collection.missing or collection.partial or not collection.board.ranked
    runs = {} if nothing else _complete(collection)
    if not runs:
        return Ranking()
    models = list(runs)
    measured = _measure(collection, runs)
    separation = Separation.of(measured)
    first, last = separation.places
    half_widths = measured.estimates().half_width()
    gains = _gains(collection, models, separation)
    standings = [
        Standing(
            model=model,
            rank=int(first[i]),
            last=int(last[i]),
            relative_error=float(np.exp(measured.values[i])),
            low=float(np.exp(measured.values[i] - half_widths[i])),
            high=float(np.exp(measured.values[i] + half_widths[i])),
            gain=gains[i],
        )
        for i, model in enumerate(models)
    ]
    order = sorted(standings, key=lambda standing: (standing.relative_error, standing.model))
    return Ranking(order, *_detectable(separation))


def _complete(collection: Collection) -> dict[str, list[Runs]]:
    """Runs on each task of every model that has enough repeats which all tasks share; only those repeats."""
    complete: dict[str, list[Runs]] = {}
    for model in collection.models:
        tasks = [repeats_of(collection.results[task].get(model, {})) for task in collection.tasks]
        common = set.intersection(*(set(repeats) for repeats in tasks))
        if len(common) >= collection.board.seeds:
            complete[model] = [
                {stored.result.seed: stored for key in sorted(common) for stored in repeats[key]}
                for repeats in tasks
            ]
    return complete


@dataclass
class _Block:
    """Records of one dataset, which several tasks may test on."""

    places: dict[str, int] = field(default_factory=dict)
    names: list[Sequence[str]] = field(default_factory=list)
    parts: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, records: TaskRecords, contributions: np.ndarray) -> None:
        for identifier, names in zip(records.ids, records.names, strict=True):
            if identifier not in self.places:
                self.places[identifier] = len(self.names)
                self.names.append(names)
        self.parts.append((np.array([self.places[identifier] for identifier in records.ids]), contributions))

    def sum(self) -> tuple[Clusters, np.ndarray]:
        total = np.zeros((len(self.parts[0][1]), len(self.names)))
        for places, contributions in self.parts:
            total[:, places] += contributions
        return Clusters.of(self.names), total


def _measure(collection: Collection, runs: Mapping[str, Sequence[Runs]]) -> Measured:
    """Logarithm of every model's relative error."""
    share = 1 / len(collection.tasks)
    values = np.zeros(len(runs))
    blocks: dict[str, _Block] = {}
    repeats: list[np.ndarray | float] = [0.0] * len(runs)
    for column in range(len(collection.tasks)):
        tested = [own[column] for own in runs.values()]
        records = TaskRecords.of([stored for own in tested for stored in own.values()])
        scores = [records.measure([own]) for own in tested]
        first = next(iter(tested[0].values()))
        logs = [_log_error(score, first) for score in scores]
        for i, log in enumerate(logs):
            values[i] += share * log.value
            repeats[i] = repeats[i] + share * log.repeats
        blocks.setdefault(first.result.task.digest, _Block()).add(
            records, share * np.stack([log.records for log in logs])
        )
    return Measured(values, [block.sum() for block in blocks.values()], [np.asarray(own) for own in repeats])


def _log_error(score: Measurement, stored: Stored) -> Measurement:
    """Logarithm of a score's error over that of predicting one constant, to first order around the score."""
    task, predictions = stored.result.task.declaration, stored.predictions
    scorer = Scorer.of(task, task.metrics[0], predictions)
    trivial = scorer.value(constant(predictions))
    lower = scorer.metric.direction == "lower"
    reference = trivial if lower else 1 - (trivial if np.isfinite(trivial) else 0.0)
    error = max(float(score.value if lower else 1 - score.value), _TINY)
    slope = (1 if lower else -1) / error
    value = float(np.log(error / max(reference, _TINY)))
    return Measurement(value, slope * score.records, value + slope * (score.repeats - score.value))


def _gains(collection: Collection, models: Sequence[str], separation: Separation) -> list[Delta | None]:
    """Difference of every model to its baseline, adjusted for their number."""
    baselines = {model: collection.any_of(model).result.checkpoint.baseline for model in models}
    pairs = [
        separation.differences.at((np.array(i), np.array(models.index(base))))
        if (base := baselines[model]) in models and base != model
        else None
        for i, model in enumerate(models)
    ]
    return verdicts(pairs, [True] * len(models))


def _detectable(separation: Separation) -> tuple[float | None, float | None]:
    pairs = np.triu_indices(len(separation.p), 1)
    if not pairs[0].size:
        return None, None
    level = 1 - (1 - LEVEL) / pairs[0].size
    sizes = [
        np.median(separation.differences.at(pairs).detectable(level, times)) for times in (1, MORE_SEEDS)
    ]
    shares = [float(-np.expm1(-size)) if np.isfinite(size) else None for size in sizes]
    return shares[0], shares[1]
