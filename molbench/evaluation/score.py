"""From predictions to scores: nothing but the stored predictions and the task is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from molbench.evaluation.predictions import Predictions
from molbench.evaluation.statistics import interval, resample
from molbench.metrics import METRICS
from molbench.metrics.metric import Metric
from molbench.spec.base import Spec
from molbench.spec.tasks import Task
from molbench.spec.units import factor

# Units that a submission may be in by mistake.
_CONFUSABLE = (
    *("Hartree", "eV", "meV", "kcal/mol", "kJ/mol"),
    *("Hartree/Å", "Hartree/a0", "eV/Å", "meV/Å", "kcal/mol/Å"),
    *("D", "e·a0", "a0³", "Å³", "a0²", "Å²", "cal/(mol·K)", "J/(mol·K)"),
)


class Value(Spec):
    """One metric of one run.

    Attributes:
        value: The metric in ``unit``.
        unit: ``1`` for pure numbers.
        direction: Which is better.
        low: Lower end of the 95 % bootstrap interval over test samples.
        high: Upper end.
    """

    value: float
    unit: str
    direction: str
    low: float
    high: float


@dataclass(frozen=True)
class Scorer:
    """A metric of a task, in the unit the task reports.

    Attributes:
        metric: The metric.
        unit: Unit of its values.
        scale: What a value in the predictions' unit is multiplied by.
    """

    metric: Metric
    unit: str
    scale: float

    @classmethod
    def of(cls, task: Task, name: str, predictions: Predictions) -> Scorer:
        """The scorer of metric ``name``; the one place where units are converted."""
        metric = METRICS[name]
        if not metric.scaled:
            return cls(metric, "1", 1.0)
        if metric.of == "forces" and predictions.forces is not None:
            return cls(metric, task.unit, factor(predictions.forces.unit, task.unit))
        # A force task reports forces, "meV/Å"; its energies are then in "meV".
        unit = task.unit.rpartition("/")[0] if task.kind == "forces" else task.unit
        return cls(metric, unit, factor(predictions.unit, unit))

    def value(self, predictions: Predictions) -> float:
        """The metric of all records; NaN where it is not defined."""
        return self.scale * self.metric.value(predictions)

    def influence(self, predictions: Predictions) -> np.ndarray:
        """What each record does to the value, [n]; see :meth:`~molbench.metrics.metric.Metric.influence`."""
        return self.scale * self.metric.influence(predictions)

    def on_resamples(self, predictions: Predictions) -> Callable[[np.ndarray], np.ndarray]:
        """The metric as a function of counts [R, n]."""
        return partial(_scaled, self.metric.statistic(predictions).on, self.scale)


def score(task: Task, predictions: Predictions) -> dict[str, Value]:
    """Every metric of a task with its interval, the primary one first."""
    scorers = [Scorer.of(task, name, predictions) for name in task.metrics]
    draws = resample([scorer.on_resamples(predictions) for scorer in scorers], len(predictions.ids))
    values = {}
    for scorer, drawn in zip(scorers, draws, strict=True):
        low, high = interval(drawn)
        values[scorer.metric.name] = Value(
            value=scorer.value(predictions),
            unit=scorer.unit,
            direction=scorer.metric.direction,
            low=low,
            high=high,
        )
    return values


def scale_warnings(task: Task, predictions: Predictions) -> list[str]:
    """Signs that predictions are in another unit than the labels."""
    if task.kind == "spectrum":
        return []
    if task.kind == "classification":
        outside = np.flatnonzero((predictions.prediction < 0) | (predictions.prediction > 1))
        return (
            ["classification needs probabilities; some predictions lie outside 0 … 1"] if outside.size else []
        )
    found = [_scale_warning(task.target, predictions.target, predictions.prediction, predictions.unit)]
    if (forces := predictions.forces) is not None:
        found.append(_scale_warning("forces", forces.target, forces.prediction, forces.unit))
    return [warning for warning in found if warning]


def _scale_warning(name: str, target: np.ndarray, prediction: np.ndarray, unit: str) -> str | None:
    """A warning if predictions follow the labels as if in another unit, or spread more than tenfold.

    A narrow spread alone says nothing: shrinking towards the mean is what a weak model does.
    """
    spread, guessed = float(np.std(target)), float(np.std(prediction))
    if target.size < 10 or spread == 0 or guessed == 0:
        return None
    ratio = guessed / spread
    suspicion = "far too wide" if ratio > 10 else None
    if float(np.corrcoef(target, prediction)[0, 1]) > 0.95:
        for other in _CONFUSABLE:
            try:
                expected = factor(unit, other)
            except ValueError:
                continue
            if expected != 1 and abs(np.log(ratio / expected)) < 0.05:
                suspicion = f"as if they were in {other}"
    if suspicion is None:
        return None
    return f"predictions of '{name}' spread {ratio:.3g} times as much as the labels in {unit}: {suspicion}"


def _scaled(function: Callable[[np.ndarray], np.ndarray], scale: float, counts: np.ndarray) -> np.ndarray:
    return scale * function(counts)
