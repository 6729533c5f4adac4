"""Which of several models are told apart, and between which places each of them lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import SIGNIFICANT, Component, holm, merge, of_repeats


@dataclass(frozen=True)
class Measured:
    """One number of each of several models on the same test records, lower is better.

    Attributes:
        values: The numbers, [models].
        blocks: Test records that are independent of those of other blocks: their clusters, and what each
            record adds to the distance of every value from its expectation, [models, records].
        repeats: The values of each repeat, as :attr:`~molbench.evaluation.measurement.Measurement.repeats`;
            models may have different numbers of them.
    """

    values: np.ndarray
    blocks: Sequence[tuple[Clusters, np.ndarray]]
    repeats: Sequence[np.ndarray]

    def estimates(self) -> Estimate:
        """Every value with its uncertainty, [models]."""
        records = merge([clusters.component(rows) for clusters, rows in self.blocks])
        return Estimate(self.values, records, self._seeds())

    def differences(self) -> Estimate:
        """The value of each model minus that of each other, [models, models]."""
        records = merge([clusters.component_of_differences(rows) for clusters, rows in self.blocks])
        own = self._seeds()
        row, column = (slice(None), None), (None, slice(None))
        seeds = merge([own.at(row), own.at(column)])
        return Estimate(self.values[row] - self.values[column], records, seeds)

    def _seeds(self) -> Component:
        own = [of_repeats(values) for values in self.repeats]
        return Component(
            *(np.array([getattr(part, name) for part in own], float) for name in ("variance", "freedom"))
        )


@dataclass(frozen=True)
class Separation:
    """What a table of models may say about their order.

    Attributes:
        differences: Of every two, [models, models].
        p: Of their being equal, likewise; 1 on the diagonal.
        adjusted: Adjusted by Holm's method for all pairs.
    """

    differences: Estimate
    p: np.ndarray
    adjusted: np.ndarray

    @classmethod
    def of(cls, measured: Measured) -> Separation:
        """Compare every two models."""
        differences = measured.differences()
        pairs = np.triu_indices(measured.values.size, 1)
        raw = differences.at(pairs).p
        return cls(differences, *(_symmetric(pairs, values) for values in (raw, holm(raw))))

    @property
    def better(self) -> np.ndarray:
        """Whether the model of a row is told to be better than that of a column, [models, models]."""
        return (self.adjusted < SIGNIFICANT) & (np.asarray(self.differences.value) < 0)

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last place that each model may have, [models] each.

        One more than the number of models told to be better, and the number of models less that of those told
        to be worse: all of these intervals hold at once with a probability of 95 % (Mogstad, Romano, Shaikh
        and Wilhelm, Rev. Econ. Stud. 91, 476 (2024)).
        """
        better = self.better
        return 1 + better.sum(axis=0), better.shape[0] - better.sum(axis=1)


def _symmetric(pairs: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> np.ndarray:
    """A table of a value for each pair above the diagonal, and 1 on it."""
    count = int(pairs[0][-1]) + 2 if values.size else 1
    table = np.ones((count, count))
    table[pairs] = table[pairs[::-1]] = values
    return table
