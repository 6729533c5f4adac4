"""From predictions to scores: nothing but the stored predictions and the task is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, PlainSerializer

from molbench.errors import UserError
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.statistics import half_width
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
        half_width: Of its 95 % interval over test records, in their clusters; the seed is not in it.
    """

    value: Number
    unit: str
    direction: str
    half_width: Number


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


def score(task: Task, predictions: Predictions) -> dict[str, Value]:
    """Every metric of a task with its interval, the primary one first.

    Raises:
        UserError: If predictions are not finite, or the primary metric is not defined for them.
    """
    predictions.refuse_infinite()
    clusters = clusters_of(predictions)
    values = {}
    for name in task.metrics:
        scorer = Scorer.of(task, name, predictions)
        statistic = scorer.metric.statistic(predictions)
        component = clusters.component(scorer.scale * statistic.influence() / clusters.count)
        size = float(half_width([component]))
        values[name] = Value(
            value=scorer.scale * statistic.value,
            unit=scorer.unit,
            direction=scorer.metric.direction,
            half_width=size if math.isfinite(size) else math.nan,
        )
    if endless := [name for name, value in values.items() if math.isinf(value.value)]:
        raise UserError(f"{METRICS[endless[0]].title} of these predictions is not finite")
    if math.isnan(values[task.metrics[0]].value):
        alike = "; they are all the same" if np.ptp(predictions.prediction) == 0 else ""
        raise UserError(f"{METRICS[task.metrics[0]].title} is not defined for these predictions{alike}")
    return values


def record_scores(task: Task, predictions: Predictions) -> np.ndarray:
    """Each record's own score, [n], in the unit the task reports; their mean is the primary metric.

    Where the metric is a mean over records it is what the record adds to that; else the value plus the
    record's influence, which says likewise how much better or worse the whole is for it.
    """
    scorer = Scorer.of(task, task.metrics[0], predictions)
    return scorer.value(predictions) + scorer.influence(predictions)


def clusters_of(predictions: Predictions) -> Clusters:
    """How the records hang together."""
    if predictions.clusters is None:
        return Clusters(len(predictions.ids))
    column = pa.record_batch([predictions.clusters], ["cluster"])
    return _named(column.schema, column.serialize().to_pybytes())


@lru_cache(maxsize=64)
def _named(schema: pa.Schema, column: bytes) -> Clusters:
    """Results of one task, of which there may be hundreds, have the same clusters."""
    return Clusters.of(pa.ipc.read_record_batch(pa.py_buffer(column), schema).column(0).to_pylist())


def constant(predictions: Predictions) -> Predictions:
    """Predictions that say the mean label of every record, and no force."""
    mean = np.broadcast_to(predictions.target.mean(axis=0), predictions.target.shape)
    forces = predictions.forces and replace(
        predictions.forces, prediction=np.zeros_like(predictions.forces.prediction)
    )
    return replace(predictions, prediction=mean, forces=forces)
