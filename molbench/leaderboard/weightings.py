"""How much an order is due to the weights of the tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 2000
_BLOCK = 100


def shares_of_first(logs: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """Share of random weightings of the tasks in which each model is first; ties share, [M].

    Weightings are uniform over all there are (Dirichlet with parameter 1 over the groups; tasks of one group
    share its weight), and the same in every call.

    Args:
        logs: Logarithm of the relative error of models that have every task, [M, T].
        groups: Group of each task.
    """
    models = logs.shape[0]
    if models == 0:
        return np.zeros(0)
    sums = np.stack(
        [logs[:, [g == group for g in groups]].mean(axis=1) for group in sorted(set(groups))], axis=1
    )
    drawn = np.random.Generator(np.random.PCG64(0)).exponential(size=(DRAWS, sums.shape[1]))
    drawn /= drawn.sum(axis=1, keepdims=True)
    total = np.zeros(models)
    for start in range(0, DRAWS, _BLOCK):
        scores = drawn[start : start + _BLOCK] @ sums.T
        first = scores <= scores.min(axis=1, keepdims=True) + 1e-12
        total += (first / first.sum(axis=1, keepdims=True)).sum(axis=0)
    return total / DRAWS


def on_pareto_front(errors: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Whether no other model is at least as good at no more cost, and better in one of the two, [M].

    Args:
        errors: Lower is better, [M]; NaN is on no front.
        costs: Likewise.
    """
    front = np.zeros(errors.size, dtype=bool)
    best = np.inf
    order = np.lexsort((errors, costs))
    previous: tuple[float, float] | None = None
    for i in order:
        if not (np.isfinite(errors[i]) and np.isfinite(costs[i])):
            continue
        if errors[i] < best or (errors[i], costs[i]) == previous:
            front[i], best, previous = True, errors[i], (errors[i], costs[i])
    return front
