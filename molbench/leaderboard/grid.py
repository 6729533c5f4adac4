"""Scores of many models on many tasks as arrays, in the logarithm of the relative error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molbench.submission.receipt import Cell
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
        seeds: What each seed adds to its mean over seeds, [M, T, S].
    """

    weights: np.ndarray
    there: np.ndarray
    logs: np.ndarray
    replicates: np.ndarray
    seeds: np.ndarray

    @classmethod
    def of(
        cls, cells: Sequence[dict[str, Cell]], tasks: Sequence[str], weights: list[float], seeds: int
    ) -> ScoreGrid:
        """Lay out cells.

        Args:
            cells: Of each model, by task.
            tasks: The columns.
            weights: Theirs.
            seeds: Seeds that a score needs; it has the mean of all it has.
        """
        shape = (len(cells), len(tasks))
        there, logs = np.zeros(shape), np.zeros(shape)
        drawn = np.zeros((*shape, COUNT), dtype=np.float32)
        of_seeds = np.zeros((*shape, seeds))
        for i, own in enumerate(cells):
            for j, task in enumerate(tasks):
                cell = own.get(task)
                if cell is None or len(cell.values) < seeds:
                    continue
                there[i, j] = 1
                logs[i, j], slope = log_error(cell)
                drawn[i, j] = slope * cell.drawn
                # The first of each model: those it has more of count in the mean, and not for how sure it is.
                values = np.asarray(cell.values[:seeds])
                of_seeds[i, j] = slope * (values - values.mean())
        return cls(np.asarray(weights), there, logs, drawn, of_seeds)

    @property
    def complete(self) -> np.ndarray:
        """Whether a model has every task, [M]."""
        every: np.ndarray = np.all(self.there, axis=1)
        return every

    def take(self, models: np.ndarray) -> ScoreGrid:
        """Some of the models."""
        return ScoreGrid(
            self.weights, self.there[models], self.logs[models], self.replicates[models], self.seeds[models]
        )


def log_error(cell: Cell) -> tuple[float, float]:
    """Logarithm of a relative error, and its slope in the score."""
    lower = cell.direction == "lower"
    trivial = cell.constant if math.isfinite(cell.constant) else 0.0
    reference = trivial if lower else 1 - trivial
    error = max(cell.mean if lower else 1 - cell.mean, _TINY)
    return math.log(error / max(reference, _TINY)), (1 if lower else -1) / error
