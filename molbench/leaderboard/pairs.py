"""Every two models of a board compared on the tasks that both have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import SIGNIFICANT, Component, merge
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
    left = _of_seeds([pair(one.seeds[..., s], none(other.logs)) for s in range(one.seeds.shape[-1])])
    right = _of_seeds([pair(none(one.logs), other.seeds[..., s]) for s in range(one.seeds.shape[-1])])
    return Estimate(value, records, merge([left, right]))


def _of_seeds(deviations: list[np.ndarray]) -> Component:
    """What the seeds of one model add to the variance of a mean over tasks."""
    count = len(deviations)
    if count < 2:
        return Component(np.full(deviations[0].shape, np.inf), 1.0)
    total = np.zeros(deviations[0].shape)
    for deviation in deviations:
        total += np.square(deviation)
    return Component(total / (count * (count - 1)), float(count - 1))


def against(one: ScoreGrid, other: ScoreGrid) -> Estimate:
    """The same of each model and the one in the same row of another grid, [M]."""
    common = one.there * other.there * one.weights
    with np.errstate(invalid="ignore", divide="ignore"):
        share = common / common.sum(axis=1, keepdims=True)

    def mean(left: np.ndarray, right: np.ndarray | float = 0.0) -> np.ndarray:
        total: np.ndarray = np.einsum("mt,mt...->m...", share, left - right)
        return total

    drawn = np.square(mean(one.replicates, other.replicates)).mean(axis=-1)
    seeds = merge([_of_seeds(list(mean(grid.seeds).T)) for grid in (one, other)])
    return Estimate(mean(one.logs, other.logs), Component(drawn, float(one.replicates.shape[-1])), seeds)


def alone(grid: ScoreGrid) -> Estimate:
    """Mean over a model's tasks of the logarithm of its relative error, [M]."""
    nothing = ScoreGrid(
        grid.weights, grid.there, *(np.zeros_like(part) for part in (grid.logs, grid.replicates, grid.seeds))
    )
    return against(grid, nothing)


@dataclass(frozen=True)
class Places:
    """Where models stand.

    Attributes:
        first: One more than the number of models that are told to be better; ties share it, [M].
        last: Last place that a model may have, [M].
    """

    first: np.ndarray
    last: np.ndarray


def places(grid: ScoreGrid) -> Places:
    """First and last place of every model, all at once with a probability of 95 %.

    As :attr:`~molbench.leaderboard.separation.Separation.places`, with Bonferroni's adjustment in the place
    of Holm's: so what is said of two models does not depend on what is said of others.
    """
    models = grid.logs.shape[0]
    pairs = max(models * (models - 1) // 2, 1)
    estimate = differences(grid, grid)
    value = np.asarray(estimate.value)
    np.fill_diagonal(value, np.nan)
    with np.errstate(invalid="ignore"):
        better = value < -estimate.half_width(1 - SIGNIFICANT / pairs)
    return Places(1 + better.sum(axis=0), models - better.sum(axis=1))


def mean_ranks(grid: ScoreGrid) -> np.ndarray:
    """Mean over its tasks of a model's place among those that have the task, ties in the middle, [M]."""
    ranks = np.zeros(grid.logs.shape)
    for task in range(grid.logs.shape[1]):
        own = grid.there[:, task] > 0
        values = grid.logs[own, task]
        below = (values[None] < values[:, None]).sum(axis=1)
        ties = (values[None] == values[:, None]).sum(axis=1)
        ranks[own, task] = below + (ties + 1) / 2
    weights = grid.there * grid.weights
    with np.errstate(invalid="ignore"):
        means: np.ndarray = (ranks * weights).sum(axis=1) / weights.sum(axis=1)
    return means
