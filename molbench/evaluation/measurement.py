"""Scores and differences of scores with what is known about their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.statistics import (
    LEVEL,
    Array,
    Component,
    Index,
    half_width,
    merge,
    minimal_detectable_difference,
    of_repeats,
    p_value,
)


@dataclass(frozen=True)
class Measurement:
    """What was measured of one model; arrays with leading axes for many at once.

    Attributes:
        value: Mean of the score over its repeats.
        records: What each test record adds to the distance of the value from its expectation, [..., n]; for a
            mean over records, the record's own value less the mean, over n.
        repeats: The score of each repeat, [..., S]: of each seed, of each complete cross-validation, or,
            where a method was pretrained several times, of each pretraining.
    """

    value: Array
    records: np.ndarray
    repeats: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A score, or a difference of two, and the sources of its variation.

    Attributes:
        value: The estimate.
        records: Due to the draw of test records.
        seeds: Due to the draw of seeds.
    """

    value: Array
    records: Component
    seeds: Component

    def at(self, index: Index) -> Estimate:
        """Some of many estimates."""
        return Estimate(np.asarray(self.value)[index], self.records.at(index), self.seeds.at(index))

    def half_width(self, level: float = LEVEL) -> np.ndarray:
        """Half-width of the interval; infinite where there was one seed."""
        return half_width([self.records, self.seeds], level)

    @property
    def p(self) -> np.ndarray:
        """Two-sided p-value of the value being zero; 1 where there was one seed."""
        return p_value(self.value, [self.records, self.seeds])

    def detectable(self, level: Array = LEVEL, more_seeds: float = 1.0) -> np.ndarray:
        """Smallest true difference that would be found significant in 80 % of repetitions.

        Args:
            level: Of the test, as that of an interval.
            more_seeds: Times as many seeds as there were.
        """
        count = np.asarray(self.seeds.freedom) + 1
        seeds = replace(
            self.seeds,
            variance=self.seeds.variance / more_seeds,
            freedom=self.seeds.freedom * (count * more_seeds - 1) / (count - 1),
        )
        return minimal_detectable_difference([self.records, seeds], level)


def estimate_of(measured: Measurement, clusters: Clusters) -> Estimate:
    """A score with its uncertainty."""
    return Estimate(measured.value, clusters.component(measured.records), of_repeats(measured.repeats))


def difference(a: Measurement, b: Measurement, clusters: Clusters, paired: bool = False) -> Estimate:
    """The score of ``a`` minus that of ``b``, on the same test records.

    Records are paired: what makes one hard for both models cancels. Seeds are not: that two models were
    given the same number makes nothing else equal.

    Args:
        a: One model.
        b: The other.
        clusters: Of the test records.
        paired: Whether the repeats of both belong together one by one, as those of a cross-validation do,
            which cut the records in the same way.
    """
    seeds = (
        of_repeats(a.repeats - b.repeats) if paired else merge([of_repeats(a.repeats), of_repeats(b.repeats)])
    )
    return Estimate(a.value - b.value, clusters.component(a.records - b.records), seeds)
