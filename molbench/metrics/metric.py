"""What a metric is, and how a plain function becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from molbench.metrics.statistic import Array, OfAnything, OfMeans, Statistic

Direction = Literal["lower", "higher"]
Function: TypeAlias = "Callable[[Array, Array], Statistic | Array | float]"


class Components(Protocol):
    """Numbers of which a record has several, such as forces; see ``evaluation.predictions``."""

    @property
    def target(self) -> Array:
        """True values, [c]."""

    @property
    def prediction(self) -> Array:
        """Predicted values, [c]."""

    @property
    def offsets(self) -> np.ndarray:
        """First component of each record, then c, [n + 1]."""


class Compared(Protocol):
    """Labels beside predictions; see ``evaluation.predictions``."""

    @property
    def target(self) -> Array:
        """True values, [n] or [n, points]."""

    @property
    def prediction(self) -> Array:
        """Predicted values, likewise."""

    @property
    def forces(self) -> Components | None:
        """The same for force components."""


@dataclass(frozen=True)
class Metric:
    """One way to compare predictions with labels. Calling it on two arrays gives its value.

    Attributes:
        name: As in ``tasks.yaml``.
        title: As in text.
        family: What is compared, as the kinds of task name it to which the metric applies.
        direction: Which is better.
        scaled: Whether it has the unit of what is compared; otherwise it is a pure number.
        version: Raised whenever its values change.
        function: From targets and predictions to scores of the records, whose mean is the metric; to a
            :class:`~molbench.metrics.statistic.Statistic`; or to one number.
        of: Whether values of the records are compared or their force components.
        varied: Whether it is defined only where the labels differ.
    """

    name: str
    title: str
    family: str
    direction: Direction
    scaled: bool
    version: int
    function: Function
    of: Literal["values", "forces"] = "values"
    varied: bool = False

    def __call__(self, target: Array, prediction: Array) -> float:
        """The metric of two arrays, [n], or for spectra [n, points]."""
        return self._statistic(target, prediction).value

    def value(self, predictions: Compared) -> float:
        """The metric of all records in the unit of the predictions; NaN where it is not defined."""
        return self.statistic(predictions).value

    def influence(self, predictions: Compared) -> Array:
        """What each record does to the value, [n]: the variance of the value is the sum of squares over n².

        Mean zero; of force components those of a record together; see :mod:`molbench.metrics.statistic`.
        """
        return self.statistic(predictions).influence()

    def scores(self, predictions: Compared) -> Array | None:
        """The metric of each record alone, [n]; None where a single record has none, such as R²."""
        return self.statistic(predictions).scores()

    def statistic(self, predictions: Compared) -> Statistic:
        """The metric as a function of how often each record is drawn."""
        if self.of == "values" or predictions.forces is None:
            return self._statistic(predictions.target, predictions.prediction)
        forces = predictions.forces
        target, prediction = (part.astype(np.float64) for part in (forces.target, forces.prediction))
        return self._statistic(target, prediction, np.diff(forces.offsets))

    def _statistic(self, target: Array, prediction: Array, sizes: np.ndarray | None = None) -> Statistic:
        """Of records, or of so many components of each record one after the other."""
        made = self.function(target, prediction)
        if isinstance(made, np.ndarray) and made.ndim == 1:
            made = OfMeans([made])
        if not isinstance(made, Statistic):
            sizes = np.ones(len(target), dtype=np.int64) if sizes is None else sizes
            return OfAnything(self.function, target, prediction, sizes)  # type: ignore[arg-type]
        if sizes is None:
            return made
        if not isinstance(made, OfMeans):
            raise TypeError(f"metric '{self.name}' of components must be made of means, or be one number")
        return made.of_records(sizes)


def metric(
    name: str,
    *,
    family: str,
    direction: Direction,
    scaled: bool,
    version: int = 1,
    title: str | None = None,
    of: Literal["values", "forces"] = "values",
    varied: bool = False,
) -> Callable[[Function], Metric]:
    """Make a metric of the function below; see :class:`Metric`."""

    def make(function: Function) -> Metric:
        return Metric(
            name=name,
            title=title or name.replace("_", " "),
            family=family,
            direction=direction,
            scaled=scaled,
            version=version,
            function=function,
            of=of,
            varied=varied,
        )

    return make
