"""A metric of one sample as a function of how often each record was drawn, and what each record does to it.

The value is that of all counts 1; resamples are other counts. The *influence* of record i is n times the
derivative of the metric by the count of i, at counts 1 (the infinitesimal jackknife, Jaeckel 1972; Efron
1982, chapter 6). It has mean zero, and the variance of a metric of independent records is the sum of its
squares over n². Of records in clusters, the influences of a cluster are added before they are squared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from typing_extensions import override

Array: TypeAlias = npt.NDArray[np.float64]
_STEP = 1e-30  # of a derivative along the imaginary axis, where nothing cancels (Squire and Trapp 1998)


class Statistic(ABC):
    """A metric of one sample of n records."""

    n: int

    @property
    def value(self) -> float:
        """The metric; NaN where it is not defined."""
        return float(self.on(np.ones((1, self.n)))[0])

    @abstractmethod
    def on(self, counts: Array) -> Array:
        """Values on resamples, from counts [R, n] to [R]; NaN where the metric is not defined."""

    @abstractmethod
    def influence(self) -> Array:
        """Influence of each record, [n], mean zero; NaN where the metric is not defined."""

    def scores(self) -> Array | None:
        """The metric of each record alone, [n]; None where one record has none."""
        return None


class OfMeans(Statistic):
    """A smooth function of means over the sample, such as the root of a mean of squares.

    Args:
        columns: Numbers that are averaged, each [n].
        combine: From one array a mean to values. It is given complex numbers for the derivative, so it is
            made of arithmetic and analytic functions; see :func:`positive`.
    """

    def __init__(self, columns: Sequence[Array], combine: Callable[..., Array] = lambda mean: mean) -> None:
        self.sums = np.stack(columns, axis=1).astype(np.float64)
        self.sizes = np.ones(len(self.sums))
        self.combine = combine
        self.n = len(self.sums)

    def of_records(self, sizes: np.ndarray) -> OfMeans:
        """The same means where so many numbers at a time belong to one record, which is drawn as a whole."""
        record = np.repeat(np.arange(sizes.size), sizes)
        columns = [np.bincount(record, column, sizes.size).astype(np.float64) for column in self.sums.T]
        grouped = OfMeans(columns, self.combine)
        grouped.sizes = sizes.astype(np.float64)
        return grouped

    @override
    def on(self, counts: Array) -> Array:
        means = counts @ self.sums / (counts @ self.sizes)[:, None]
        return self.combine(*means.T)

    @override
    def influence(self) -> Array:
        """The gradient of ``combine`` times what each record adds to the means."""
        if np.isnan(self.value):
            return np.full(self.n, np.nan)
        means = self.sums.sum(axis=0) / self.sizes.sum()
        steps = means + 1j * _STEP * np.eye(means.size)
        gradient = np.imag(self.combine(*steps.T)) / _STEP
        apart = self.sums - means * self.sizes[:, None]
        # A mean to which all records add the same cannot move, however steep the metric is there.
        gradient = np.where((apart != 0).any(axis=0), gradient, 0.0)
        result: Array = self.n / self.sizes.sum() * (apart @ gradient)
        return result

    @override
    def scores(self) -> Array | None:
        """There are some where the metric is made of one mean."""
        return self.combine(self.sums[:, 0] / self.sizes) if self.sums.shape[1] == 1 else None


class OfAnything(Statistic):
    """A number that a function gives for any sample; slow, since the function is called for every resample.

    Args:
        function: From targets and predictions to a number.
        target: Labels of the sample.
        prediction: Its predictions.
        sizes: How many of them belong to each record, one after the other, [n].
    """

    def __init__(
        self, function: Callable[[Array, Array], float], target: Array, prediction: Array, sizes: np.ndarray
    ) -> None:
        self.function, self.target, self.prediction = function, target, prediction
        self.record, self.n = np.repeat(np.arange(sizes.size), sizes), sizes.size

    @override
    def on(self, counts: Array) -> Array:
        return np.array([self._with(row.astype(np.int64)) for row in counts])

    @override
    def influence(self) -> Array:
        """By the jackknife, n calls of the function."""
        counts = np.ones(self.n, dtype=np.int64)
        without = np.empty(self.n)
        for i in range(self.n):
            counts[i] = 0
            without[i] = self._with(counts)
            counts[i] = 1
        result: Array = (self.n - 1) * (without.mean() - without)
        return result

    def _with(self, counts: np.ndarray) -> float:
        drawn = np.repeat(np.arange(self.record.size), counts[self.record])
        return float(self.function(self.target[drawn], self.prediction[drawn])) if drawn.size else np.nan


def positive(values: Array) -> Array:
    """Values that something is divided by, or whose root is taken: NaN where they are not positive."""
    return np.where(np.real(values) > 0, values, np.nan)


def centred(values: Array) -> Array:
    """Values minus their mean: exactly zero where they are all the same but for rounding."""
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        return np.zeros(values.shape)
    return np.asarray(values - values.mean(), dtype=np.float64)
