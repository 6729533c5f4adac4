"""Simulated scores whose truth is known, to see how often intervals cover and equal models are told apart.

A score of a seed on a record is the sum of what the record does to both models, of what it does to one of
them, which has the named distribution and is what they differ by (half of either shared by the clusters,
where there are some), of what the seed does, and of what both do together. Seed spread is the standard
deviation of the difference over seeds in units of its standard error due to the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Measurement, difference, estimate_of
from molbench.evaluation.statistics import SIGNIFICANT, half_width, holm
from molbench.leaderboard.grid import ScoreGrid
from molbench.leaderboard.pairs import differences, places
from molbench.submission.replicates import replicates

DISTRIBUTIONS = ("normal", "t(2.5)", "lognormal")
CLUSTERINGS = ("none", "unequal", "crossed")

#: Variance of the difference due to record and seed together, over that due to the record alone.
_BOTH = 0.2


@dataclass(frozen=True)
class Coverage:
    """One setting and what came of it.

    Attributes:
        design: ``seeds``, or ``3 x 5 folds``.
        distribution: Of what the models differ by.
        clustering: ``none``, ``unequal`` clusters, or two kinds that are ``crossed``.
        records: Test records.
        seeds: Seeds, or folds and repeats.
        spread: Seed spread.
        clusters: Effective number of independent records.
        score: Coverage of the 95 % interval of one model's score.
        difference: Coverage of that of the difference of two.
        type_1: Share of equal models with p < 0.05.
        verdicts: Share of equal models called different, which they are not where records are few.
        few: Share of draws marked as of too few or too skewed records.
        unpaired: Half-width of the difference where records are not paired, over that where they are.
    """

    design: str
    distribution: str
    clustering: str
    records: int
    seeds: int
    spread: float
    clusters: float
    score: float
    difference: float
    type_1: float
    verdicts: float
    few: float
    unpaired: float


def draw_standardised(rng: np.random.Generator, distribution: str, *shape: int) -> np.ndarray:
    """Numbers of mean 0 and variance 1."""
    numbers: np.ndarray = rng.standard_normal(shape)
    if distribution == "t(2.5)":
        numbers = rng.standard_t(2.5, shape) / np.sqrt(5)
    elif distribution == "lognormal":
        numbers = (np.exp(numbers) - np.exp(0.5)) / np.sqrt(np.exp(2) - np.exp(1))
    return numbers


@dataclass(frozen=True)
class Design:
    """Test records and the clusters they fall in, one or two columns of numbers; none where independent."""

    clustering: str
    records: int
    columns: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, clustering: str, records: int, rng: np.random.Generator) -> Design:
        """Clusters whose sizes are as 1, 2, 3 …; or two kinds that cross at random."""
        if clustering == "none":
            return cls(clustering, records, ())
        if clustering == "crossed":
            counts = [round(records**power) for power in (0.6, 0.5)]
            return cls(clustering, records, tuple(rng.integers(0, count, records) for count in counts))
        sizes = np.arange(1, round(records**0.7) + 1)
        bounds = np.cumsum(sizes) / sizes.sum() * records
        return cls(clustering, records, (np.searchsorted(bounds, np.arange(records) + 0.5),))

    def clusters(self) -> Clusters:
        """As evaluations have them, by name."""
        rows = zip(*self.columns, strict=True) if self.columns else [()] * self.records
        return Clusters.of([[f"{kind}:{name}" for kind, name in enumerate(row)] for row in rows])

    def effects(self, rng: np.random.Generator, distribution: str, draws: int) -> np.ndarray:
        """What records do, half of it by their clusters, [draws, records] of variance 1."""
        alone = 0.5 if self.columns else 1.0
        total: np.ndarray = np.sqrt(alone) * draw_standardised(rng, distribution, draws, self.records)
        for column in self.columns:
            shared = draw_standardised(rng, distribution, draws, int(column.max()) + 1)
            total += np.sqrt(0.5 / len(self.columns)) * shared[:, column]
        return total

    @property
    def error(self) -> float:
        """Standard error of a mean over the records."""
        variance = (0.5 if self.columns else 1.0) / self.records
        for column in self.columns:
            variance += 0.5 / len(self.columns) * (np.bincount(column) ** 2).sum() / self.records**2
        return float(np.sqrt(variance))


def seeds(
    design: Design,
    distribution: str,
    counts: Sequence[int],
    spreads: Sequence[float],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[Coverage]:
    """Two models with several seeds each on one split, for every number of seeds and every seed spread."""
    clusters, most = design.clusters(), max(counts)
    hard = design.effects(rng, distribution, draws)
    effects = (hard + design.effects(rng, distribution, draws), hard)
    together = np.zeros((2, draws, design.records))
    means, luck = np.empty((2, draws, most)), rng.standard_normal((2, draws, most))
    for seed in range(most):
        for model in range(2):
            fresh = np.sqrt(_BOTH / 2) * rng.standard_normal((draws, design.records), dtype=np.float32)
            together[model] += fresh
            means[model, :, seed] = fresh.mean(axis=1)
        if (count := seed + 1) not in counts:
            continue
        for spread in spreads:
            scores = means[:, :, :count] + spread * np.sqrt(0.5) * design.error * luck[:, :, :count]
            pair = [
                _measured(effect + both / count, effect.mean(axis=1)[:, None] + score)
                for effect, both, score in zip(effects, together, scores, strict=True)
            ]
            setting = _setting("seeds", design, distribution, count, spread)
            yield _judge(pair, clusters, paired=False, **setting)


def folds(
    design: Design, distribution: str, spreads: Sequence[float], *, draws: int, rng: np.random.Generator
) -> Iterator[Coverage]:
    """Two models in a three times five-fold cross-validation; half of what a fold does, it does to both."""
    clusters = design.clusters()
    hard = design.effects(rng, distribution, draws)
    effects = (hard + design.effects(rng, distribution, draws), hard)
    for spread in spreads:
        total, repeats = np.zeros((2, draws, design.records)), np.empty((2, draws, 3))
        for repeat in range(3):
            fold = rng.permutation(design.records) % 5
            common = rng.standard_normal((draws, 5))
            for model, effect in enumerate(effects):
                fold_effects = np.sqrt(0.5) * (common + rng.standard_normal((draws, 5)))
                together = np.sqrt(_BOTH / 2) * rng.standard_normal((draws, design.records))
                scores = effect + spread * design.error * np.sqrt(5) * fold_effects[:, fold] + together
                total[model] += scores / 3
                repeats[model, :, repeat] = scores.mean(axis=1)
        pair = [_measured(*both) for both in zip(total, repeats, strict=True)]
        setting = _setting("3 x 5 folds", design, distribution, 15, spread)
        yield _judge(pair, clusters, paired=True, **setting)


def boards(models: int, count: int, spread: float, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of boards of equal models, on six tasks of 212 records, on which any is ranked above another."""
    wrong, error, names = 0, 1 / np.sqrt(6 * 212), [[f"r{i}"] for i in range(212)]
    of_records = [
        np.stack([replicates(f"task {task}", names, one) for one in np.eye(212)]) for task in range(6)
    ]
    for _ in range(draws):
        drawn, repeats = [], np.zeros((models, 6, count))
        luck = spread * error * rng.standard_normal((models, 1, count))
        for task in range(6):
            effect = rng.standard_normal(212) + np.sqrt(0.5) * rng.standard_normal((models, 212))
            together = np.sqrt(0.5) * rng.standard_normal((models, count, 212))
            repeats[:, task] = (effect[:, None] + together).mean(axis=2)
            rows = effect + together.mean(axis=1)
            apart = (rows - rows.mean(axis=1, keepdims=True)) / 212
            drawn.append(apart @ of_records[task])
        repeats += luck
        means = repeats.mean(axis=2)
        grid = ScoreGrid(
            weights=np.full(6, 1 / 6),
            there=np.ones_like(means),
            logs=means,
            replicates=np.stack(drawn, axis=1),
            seeds=(repeats - means[..., None]) / np.sqrt(count * (count - 1)),
            repeats=np.full(models, count),
        )
        wrong += int((places(differences(grid, grid)).first > 1).any())
    return {"models": models, "seeds": count, "spread": spread, "separated": wrong / draws}


def tables(models: int, count: int, spread: float, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Equal models against one baseline that all share, on 212 records: false verdicts, raw and adjusted."""
    clusters = Clusters(212)
    hard = rng.standard_normal((draws, 212))
    drawn = []
    for _ in range(models + 1):
        effect = hard + np.sqrt(0.5) * rng.standard_normal((draws, 212))
        together = np.sqrt(0.5) * rng.standard_normal((draws, count, 212))
        luck = spread / np.sqrt(212) * rng.standard_normal((draws, count))
        scores = effect.mean(axis=1)[:, None] + together.mean(axis=2) + luck
        drawn.append(_measured(effect + together.mean(axis=1), scores))
    p = np.stack([difference(model, drawn[0], clusters).p for model in drawn[1:]], axis=1)
    adjusted = np.stack([holm(row) for row in p])
    return {
        "models": models,
        "seeds": count,
        "spread": spread,
        "verdicts_raw": float((p < SIGNIFICANT).sum(axis=1).mean()),
        "any_raw": float((p < SIGNIFICANT).any(axis=1).mean()),
        "any_adjusted": float((adjusted < SIGNIFICANT).any(axis=1).mean()),
    }


def _measured(records: np.ndarray, repeats: np.ndarray) -> Measurement:
    """From means over repeats, [draws, n], and scores of the repeats, [draws, S]."""
    apart = (records - records.mean(axis=1, keepdims=True)) / records.shape[1]
    return Measurement(repeats.mean(axis=1), apart, repeats)


def _setting(design: str, records: Design, distribution: str, count: int, spread: float) -> dict[str, Any]:
    return {
        "design": design,
        "distribution": distribution,
        "clustering": records.clustering,
        "records": records.records,
        "seeds": count,
        "spread": spread,
    }


def _judge(pair: Sequence[Measurement], clusters: Clusters, paired: bool, **setting: Any) -> Coverage:
    """Judge draws of two models whose true scores are 0."""
    a, b = pair
    score, delta = estimate_of(a, clusters), difference(a, b, clusters, paired)
    width, p, few = delta.half_width(), delta.p, delta.records.few
    apart = [estimate_of(one, clusters).records for one in pair]
    return Coverage(
        clusters=round(clusters.effective, 1),
        score=float(np.mean(np.abs(score.value) <= score.half_width())),
        difference=float(np.mean(np.abs(delta.value) <= width)),
        type_1=float(np.mean(p < SIGNIFICANT)),
        verdicts=float(np.mean((p < SIGNIFICANT) & ~few)),
        few=float(np.mean(few)),
        unpaired=float(np.mean(half_width([*apart, delta.seeds])) / width.mean()),
        **setting,
    )
