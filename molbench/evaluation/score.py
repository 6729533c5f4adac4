"""From predictions to scores: nothing but the stored predictions and the task is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, PlainSerializer

from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.statistics import interval, resample
from molbench.metrics import METRICS
from molbench.metrics.metric import Metric
from molbench.spec.base import Spec
from molbench.spec.tasks import Task
from molbench.spec.units import factor

#: A number that may be undefined: NaN here, null in a file.
Number = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: None if math.isnan(value) else value),
]


class Value(Spec):
    """One metric of one run.

    Attributes:
        value: The metric in ``unit``; NaN where it is not defined, as is the correlation of a constant.
        unit: ``1`` for pure numbers.
        direction: Which is better.
        low: Lower end of the 95 % bootstrap interval over test samples.
        high: Upper end.
    """

    value: Number
    unit: str
    direction: str
    low: Number
    high: Number


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
        given, reported = kind_of(task).units(task, metric, predictions)
        return cls(metric, reported, factor(given, reported))

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
    """Every metric of a task with its interval, the primary one first.

    Raises:
        UserError: If the primary metric is not defined for these predictions.
    """
    scorers = [Scorer.of(task, name, predictions) for name in task.metrics]
    draws = resample([scorer.on_resamples(predictions) for scorer in scorers], len(predictions.ids))
    values = {}
    for scorer, drawn in zip(scorers, draws, strict=True):
        value = scorer.value(predictions)
        low, high = (math.nan, math.nan) if math.isnan(value) else interval(drawn)
        values[scorer.metric.name] = Value(
            value=value,
            unit=scorer.unit,
            direction=scorer.metric.direction,
            low=low,
            high=high,
        )
    if math.isnan(values[task.metrics[0]].value):
        alike = "; they are all the same" if np.ptp(predictions.prediction) == 0 else ""
        raise UserError(f"{METRICS[task.metrics[0]].title} is not defined for these predictions{alike}")
    return values


def _scaled(function: Callable[[np.ndarray], np.ndarray], scale: float, counts: np.ndarray) -> np.ndarray:
    return scale * function(counts)
