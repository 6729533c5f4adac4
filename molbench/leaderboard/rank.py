"""Ranking with its uncertainty.

A task's *error* is its primary metric, or one minus it where higher is better. A model's *relative error* is
the geometric mean over tasks of its error over that of predicting one constant. Ratios make tasks of
different units comparable, and the order of two models does not depend on the constant: it cancels in their
ratio.

Rank intervals come from the same bootstrap as all others: test records and seeds are drawn again, for all
models alike, and everything is ranked anew. A model's rank is one more than the number of models that are
significantly better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from molbench.evaluation.predictions import Predictions
from molbench.evaluation.result import Stored
from molbench.evaluation.score import Scorer
from molbench.evaluation.statistics import average_over_seeds, interval, p_value
from molbench.evaluation.summary import SIGNIFICANT, drawn_scores
from molbench.leaderboard.collect import Collection
from molbench.metrics import METRICS

_TINY = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, and the p-value of it being zero where that is asked."""

    value: float
    low: float
    high: float
    p: float | None = None


@dataclass(frozen=True)
class Standing:
    """Where a model stands.

    Attributes:
        model: Its name.
        rank: One more than the number of models significantly better.
        low: Lower end of the 95 % interval of its rank by value.
        high: Upper end.
        relative_error: See above.
        gain: Share by which pretraining lowers the error of the same backbone from scratch.
    """

    model: str
    rank: int
    low: int
    high: int
    relative_error: Estimate
    gain: Estimate | None


def rank(collection: Collection) -> list[Standing]:
    """Standings of all models that have every task of the board with enough seeds, best first."""
    seeds = collection.board.seeds
    models = [
        model
        for model in collection.models
        if not collection.missing
        and all(len(collection.of(task, model)) >= seeds for task in collection.tasks)
    ]
    if not models:
        return []
    per_task = [
        _log_errors([collection.of(task, model)[:seeds] for model in models]) for task in collection.tasks
    ]
    values = np.mean([value for value, _ in per_task], axis=0)
    draws = np.mean([drawn for _, drawn in per_task], axis=0)
    places = 1 + (draws[:, None] > draws[None]).sum(axis=1)
    baselines = {model: collection.any_of(model).result.checkpoint.baseline for model in models}
    standings = []
    for i, model in enumerate(models):
        better = sum(
            values[j] < values[i] and p_value(draws[j] - draws[i]) < SIGNIFICANT for j in range(len(models))
        )
        low, high = np.quantile(places[i], [0.025, 0.975], method="nearest")
        gain = None
        if baselines[model] in models and baselines[model] != model:
            base = models.index(baselines[model])
            gain = _gain(values[i] - values[base], draws[i] - draws[base])
        error = Estimate(float(np.exp(values[i])), *interval(np.exp(draws[i])))
        standings.append(Standing(model, 1 + better, int(low), int(high), error, gain))
    return sorted(standings, key=lambda standing: (standing.relative_error.value, standing.model))


def _gain(difference: float, draws: np.ndarray) -> Estimate:
    return Estimate(float(1 - np.exp(difference)), *interval(1 - np.exp(draws)), p_value(draws))


def _log_errors(rows: Sequence[Sequence[Stored]]) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of each model's error over the constant's: values [models], and on resamples [models, R]."""
    seeds = len(rows[0])
    values, draws = drawn_scores([stored for row in rows for stored in row])
    first = rows[0][0]
    task = first.result.task.declaration
    scorer = Scorer.of(task, task.metrics[0], first.predictions)
    lower = METRICS[task.metrics[0]].direction == "lower"
    constant = scorer.value(_constant(first.predictions))
    reference = constant if lower else 1 - (constant if np.isfinite(constant) else 0.0)

    def log_ratio(metric: np.ndarray) -> np.ndarray:
        error = metric if lower else 1 - metric
        logarithm: np.ndarray = np.log(np.maximum(error, _TINY) / max(reference, _TINY))
        return logarithm

    means = values.reshape(len(rows), seeds).mean(axis=1)
    drawn = [average_over_seeds(block) for block in draws.reshape(len(rows), seeds, -1)]
    return log_ratio(means), log_ratio(np.stack(drawn))


def _constant(predictions: Predictions) -> Predictions:
    """Predictions that say the mean label of every record, and no force."""
    mean = np.broadcast_to(predictions.target.mean(axis=0), predictions.target.shape)
    forces = predictions.forces and replace(
        predictions.forces, prediction=np.zeros_like(predictions.forces.prediction)
    )
    return replace(predictions, prediction=mean, forces=forces)
