"""Every two models of a board compared on the tasks that both have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import LEVEL, Component, merge
from molbench.evaluation.summary import MORE_SEEDS
from molbench.leaderboard.grid import ScoreGrid


def differences(one: ScoreGrid, other: ScoreGrid) -> Estimate:
    """Mean over common tasks of the logarithm of the relative error of one model minus that of another.

    Test records are paired, seeds are not. Every number depends on the two models alone.

    Args:
        one: Models of the rows, [M].
        other: Those of the columns, [N].

    Returns:
        The differences, [M, N]; NaN where two have no task in common.
    """
    mine, theirs = one.there * one.weights, other.there
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 / (mine @ theirs.T)
    share = np.where(np.isfinite(share), share, np.nan)

    def pair(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        difference: np.ndarray = (left * mine) @ theirs.T - one.there @ (right * other.there * one.weights).T
        return difference * share

    value = pair(one.logs, other.logs)
    count = one.replicates.shape[-1]
    drawn = np.zeros(value.shape)
    for k in range(count):
        drawn += np.square(pair(one.replicates[..., k], other.replicates[..., k]))
    records = Component(drawn / count, float(count))
    none = np.zeros_like
    mine_alone = [pair(part, none(other.logs)) for part in _last_first(one.seeds)]
    theirs_alone = [pair(none(one.logs), part) for part in _last_first(other.seeds)]
    left = _of_repeats(np.stack(mine_alone), one.repeats[:, None])
    right = _of_repeats(np.stack(theirs_alone), other.repeats)
    return Estimate(value, records, merge([left, right]))


def _last_first(parts: np.ndarray) -> np.ndarray:
    return np.moveaxis(parts, -1, 0)


def _of_repeats(parts: np.ndarray, counts: np.ndarray) -> Component:
    """What the repeats of one model add to the variance of a mean over tasks; unknown of a single one."""
    variance = np.sum(np.square(parts), axis=0)
    known = np.broadcast_to(counts > 1, variance.shape)
    freedom = np.broadcast_to(np.maximum(counts - 1.0, 1.0), variance.shape)
    return Component(np.where(known, variance, np.inf), freedom)


def against(one: ScoreGrid, other: ScoreGrid) -> Estimate:
    """The same of each model and the one in the same row of another grid, [M]."""
    common = one.there * other.there * one.weights
    with np.errstate(invalid="ignore", divide="ignore"):
        share = common / common.sum(axis=1, keepdims=True)

    def mean(left: np.ndarray, right: np.ndarray | float = 0.0) -> np.ndarray:
        total: np.ndarray = np.einsum("mt,mt...->m...", share, left - right)
        return total

    drawn = np.square(mean(one.replicates, other.replicates)).mean(axis=-1)
    seeds = merge([_of_repeats(_last_first(mean(grid.seeds)), grid.repeats) for grid in (one, other)])
    return Estimate(mean(one.logs, other.logs), Component(drawn, float(one.replicates.shape[-1])), seeds)


def alone(grid: ScoreGrid) -> Estimate:
    """Mean over a model's tasks of the logarithm of its relative error, [M]."""
    parts = {name: np.zeros_like(getattr(grid, name)) for name in ("logs", "replicates", "seeds")}
    return against(grid, replace(grid, **parts))


@dataclass(frozen=True)
class Places:
    """Where models stand.

    Attributes:
        first: One more than the number of models that are told to be better; ties share it, [M].
        last: Last place that a model may have, [M].
    """

    first: np.ndarray
    last: np.ndarray


def places(every: Estimate) -> Places:
    """First and last place of every model, all at once with a probability of 95 %.

    One more than the number of models told to be better, and the number of models less that of those told to
    be worse (Mogstad, Romano, Shaikh and Wilhelm, Rev. Econ. Stud. 91, 476 (2024)). Pairs are adjusted by
    Bonferroni's method, not Holm's: so what is said of two models does not depend on what is said of others.

    Args:
        every: The differences of every two models, [M, M].
    """
    value = np.array(every.value)
    np.fill_diagonal(value, np.nan)
    with np.errstate(invalid="ignore"):
        better = value < -every.half_width(_level(len(value)))
    return Places(1 + better.sum(axis=0), len(value) - better.sum(axis=1))


def detectable(every: Estimate) -> list[float | None]:
    """Smallest true difference of two models that is found in 80 % of repetitions, of a typical pair.

    Returns:
        The share of an error that is gone, and the same with :data:`~molbench.evaluation.summary.MORE_SEEDS`
        times as many seeds; None for no pair, or where the luck of seeds is not known.
    """
    models = len(np.asarray(every.value))
    upper = every.at(np.triu_indices(models, 1))
    known = upper.at((np.isfinite(upper.value) & np.isfinite(upper.seeds.variance),))
    if np.asarray(known.value).size <= np.asarray(upper.value).size / 2:
        return [None, None]
    sizes = [np.median(known.detectable(_level(models), times)) for times in (1, MORE_SEEDS)]
    return [float(-np.expm1(-size)) for size in sizes]


def _level(models: int) -> float:
    """Level of an interval of one pair that holds together with those of all others."""
    return 1 - (1 - LEVEL) / max(models * (models - 1) // 2, 1)


def mean_ranks(grid: ScoreGrid) -> np.ndarray:
    """Mean over its tasks of a model's place among those that have the task, ties in the middle, [M]."""
    ranks = np.zeros(grid.logs.shape)
    for task in range(grid.logs.shape[1]):
        scored = grid.there[:, task] > 0
        values = grid.logs[scored, task]
        below = (values[None] < values[:, None]).sum(axis=1)
        ties = (values[None] == values[:, None]).sum(axis=1)
        ranks[scored, task] = below + (ties + 1) / 2
    weights = grid.there * grid.weights
    with np.errstate(invalid="ignore"):
        means: np.ndarray = (ranks * weights).sum(axis=1) / weights.sum(axis=1)
    return means
