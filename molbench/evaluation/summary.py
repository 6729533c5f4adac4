"""Scores of candidates over their seeds, and how they differ from the baselines'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.repeats import deviation
from molbench.evaluation.result import Stored
from molbench.evaluation.score import Scorer
from molbench.evaluation.statistics import RESAMPLES, average_over_seeds, interval, p_value, resample
from molbench.spec.fingerprint import FINGERPRINT

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Delta:
    """Score minus a baseline's, over the seeds both have.

    Attributes:
        value: In the unit of the score.
        low: Lower end of the 95 % paired bootstrap interval over test samples and seeds.
        high: Upper end.
        p: Two-sided bootstrap p-value of no difference.
        better: Whether the sign is the one hoped for.
    """

    value: float
    low: float
    high: float
    p: float
    better: bool

    @property
    def significant(self) -> bool:
        """Whether no difference is unlikely."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True)
class Cell:
    """One candidate on one task.

    Attributes:
        mean: Mean of the primary metric over seeds.
        std: Standard deviation over seeds (n - 1), or over complete repeats of a cross-validation; None for
            one. See :func:`~molbench.evaluation.repeats.deviation`.
        low: Lower end of the 95 % bootstrap interval of the mean over test samples and seeds.
        high: Upper end.
        n: Test records.
        delta: Difference to the scratch baseline; None for a baseline itself or without one.
        over_fingerprint: Difference to the fingerprint baseline, likewise.
    """

    candidate: str
    task: str
    protocol: str
    metric: str
    unit: str
    direction: str
    mean: float
    std: float | None
    low: float
    high: float
    seeds: tuple[int, ...]
    n: int
    warnings: tuple[str, ...]
    delta: Delta | None = None
    over_fingerprint: Delta | None = None


Key = tuple[str, str, str]


def summarise(results: Sequence[Stored]) -> list[Cell]:
    """One cell a (task, candidate, protocol), in order of first appearance.

    Raises:
        UserError: If results that belong together were not made on the same test records.
    """
    groups: dict[Key, dict[int, Stored]] = {}
    for stored in results:
        result = stored.result
        key = (result.task.id, result.protocol.name, result.checkpoint.name)
        groups.setdefault(key, {})[result.seed] = stored
    cells = []
    for key, group in groups.items():
        scratch = (*key[:2], next(iter(group.values())).result.checkpoint.baseline)
        fingerprint = (key[0], FINGERPRINT, FINGERPRINT)
        references = [groups.get(other, {}) if other != key else {} for other in (scratch, fingerprint)]
        cells.append(_cell(group, *references))
    return cells


def _cell(group: dict[int, Stored], scratch: dict[int, Stored], fingerprint: dict[int, Stored]) -> Cell:
    first = next(iter(group.values())).result
    seeds = tuple(sorted(group))
    shared = [[seed for seed in seeds if seed in reference] for reference in (scratch, fingerprint)]
    rows = [
        *(group[seed] for seed in seeds),
        *(scratch[seed] for seed in shared[0]),
        *(fingerprint[seed] for seed in shared[1]),
    ]
    values, draws = drawn_scores(rows)
    own, own_draws = values[: len(seeds)], draws[: len(seeds)]
    low, high = interval(average_over_seeds(own_draws))
    deltas, place = [], len(seeds)
    for common in shared:
        index, others = [seeds.index(seed) for seed in common], slice(place, place + len(common))
        place += len(common)
        lower = first.primary.direction == "lower"
        deltas.append(
            _delta(own[index] - values[others], own_draws[index] - draws[others], lower) if common else None
        )
    return Cell(
        candidate=first.checkpoint.name,
        task=first.task.id,
        protocol=first.protocol.name,
        metric=first.task.declaration.metrics[0],
        unit=first.primary.unit,
        direction=first.primary.direction,
        mean=float(np.mean(own)),
        std=deviation([group[seed].result.task for seed in seeds], own),
        low=low,
        high=high,
        seeds=seeds,
        n=first.n,
        warnings=tuple(sorted({warning for stored in group.values() for warning in stored.result.warnings})),
        delta=deltas[0],
        over_fingerprint=deltas[1],
    )


def _delta(differences: np.ndarray, draws: np.ndarray, lower: bool) -> Delta:
    """Of the differences a seed, [m], and those on resamples, [m, R]."""
    drawn, value = average_over_seeds(draws), float(np.mean(differences))
    return Delta(value, *interval(drawn), p_value(drawn), value < 0 if lower else value > 0)


def drawn_scores(rows: Sequence[Stored]) -> tuple[np.ndarray, np.ndarray]:
    """Primary metric of results of one task: values [m], and on resamples [m, R].

    Results on the same test records are drawn the same resamples. Those of a cross-validation belong to
    different folds, and each fold is drawn on its own.

    Raises:
        UserError: If test records or labels differ that should not.
    """
    folds: dict[str, list[int]] = {}
    for i, stored in enumerate(rows):
        folds.setdefault(stored.result.task.scheme, []).append(i)
    values, draws = np.empty(len(rows)), np.empty((len(rows), RESAMPLES))
    for places in folds.values():
        values[places], draws[places] = _on_same_records([rows[i] for i in places])
    return values, draws


def _on_same_records(rows: Sequence[Stored]) -> tuple[np.ndarray, np.ndarray]:
    first = rows[0].predictions
    for stored in rows[1:]:
        other = stored.predictions
        if other.ids != first.ids or not np.array_equal(other.target, first.target):
            raise UserError(f"{stored.folder} and {rows[0].folder} were not made on the same test records")
    task = rows[0].result.task.declaration
    scorers = [Scorer.of(task, task.metrics[0], stored.predictions) for stored in rows]
    pairs = list(zip(scorers, rows, strict=True))
    values = np.array([scorer.value(stored.predictions) for scorer, stored in pairs])
    draws = resample([scorer.on_resamples(stored.predictions) for scorer, stored in pairs], len(first.ids))
    return values, draws
