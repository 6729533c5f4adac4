"""Scores of many models on many tasks as arrays, in the logarithm of the relative error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molbench.submission.receipt import TaskScore
from molbench.submission.replicates import COUNT

_TINY = 1e-12


@dataclass(frozen=True)
class ScoreGrid:
    """Models by tasks; what is missing is zero everywhere.

    A task's *error* is its primary metric, or one minus it where higher is better; its *relative error* is
    that over the error of predicting one constant.

    Attributes:
        weights: Of the tasks, [T]; they add up to one.
        there: Whether a model has a task with enough seeds, [M, T] of zeros and ones.
        logs: Logarithm of the relative error, [M, T].
        replicates: What the draw of test records may do to it, [M, T, R], see
            :mod:`molbench.submission.replicates`.
        seeds: What each repeat adds to its mean over repeats, over the root of n (n - 1) of the n repeats
            that the model's tasks share, so that squares add up to a variance, [M, T, S].
        repeats: The n of each model, 1 where the luck of its seeds is not known, [M].
    """

    weights: np.ndarray
    there: np.ndarray
    logs: np.ndarray
    replicates: np.ndarray
    seeds: np.ndarray
    repeats: np.ndarray

    @classmethod
    def of(
        cls,
        task_scores: Sequence[dict[str, TaskScore]],
        tasks: Sequence[str],
        weights: list[float],
        seeds: int,
    ) -> ScoreGrid:
        """Lay out scores.

        Args:
            task_scores: Of each model, by task.
            tasks: The columns.
            weights: Theirs.
            seeds: Seeds that a score needs; it has the mean of all it has.
        """
        shape = (len(task_scores), len(tasks))
        there, logs, repeats = np.zeros(shape), np.zeros(shape), np.ones(len(task_scores), dtype=np.int64)
        drawn = np.zeros((*shape, COUNT), dtype=np.float32)
        deviations: dict[tuple[int, int], np.ndarray] = {}
        for i, model_scores in enumerate(task_scores):
            enough = {
                j: model_scores[task]
                for j, task in enumerate(tasks)
                if task in model_scores and len(model_scores[task].values) >= seeds
            }
            for (j, task_score), deviation in zip(
                enough.items(), _deviations(list(enough.values())), strict=True
            ):
                there[i, j] = 1
                logs[i, j], slope = log_error(task_score)
                drawn[i, j] = slope * task_score.drawn
                repeats[i] = deviation.size
                deviations[i, j] = (
                    slope * deviation / math.sqrt(max(deviation.size * (deviation.size - 1), 1))
                )
        of_seeds = np.zeros((*shape, repeats.max(initial=1)))
        for (i, j), deviation in deviations.items():
            of_seeds[i, j, : deviation.size] = deviation
        return cls(np.asarray(weights), there, logs, drawn, of_seeds, repeats)

    @property
    def complete(self) -> np.ndarray:
        """Whether a model has every task, [M]."""
        every: np.ndarray = np.all(self.there, axis=1)
        return every

    def take(self, models: np.ndarray) -> ScoreGrid:
        """Some of the models."""
        parts = (self.there, self.logs, self.replicates, self.seeds, self.repeats)
        return ScoreGrid(self.weights, *(part[models] for part in parts))


def log_error(task_score: TaskScore) -> tuple[float, float]:
    """Logarithm of a relative error, and its slope in the score."""
    lower = task_score.direction == "lower"
    trivial = task_score.constant if math.isfinite(task_score.constant) else 0.0
    reference = trivial if lower else 1 - trivial
    error = max(task_score.mean if lower else 1 - task_score.mean, _TINY)
    return math.log(error / max(reference, _TINY)), (1 if lower else -1) / error


def _deviations(task_scores: Sequence[TaskScore]) -> list[np.ndarray]:
    """What each repeat adds to the mean over repeats, of every task of a model, [S] each.

    One encoder may be drawn for all tasks, so repeats of several tasks belong together: those that all share
    count, whatever else some have. Where fewer than two are shared, as many as all have are taken in turn.
    """
    drawn = [task_score.repeats for task_score in task_scores if not task_score.fixed]
    if not drawn:
        return [np.zeros(2) for _ in task_scores]
    shared = sorted(set.intersection(*map(set, drawn)))
    count = len(shared) if len(shared) > 1 else min(map(len, drawn))
    parts = []
    for task_score in task_scores:
        values = np.zeros(count)
        if not task_score.fixed:
            repeats = task_score.repeats
            values = np.array(
                [repeats[key] for key in (shared if len(shared) > 1 else list(repeats)[:count])]
            )
        parts.append(values - values.mean())
    return parts
