"""Metrics of one number a record."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from molbench.metrics.metric import metric
from molbench.metrics.statistic import Array, OfMeans, Statistic, centred, positive


@metric("mae", family="regression", direction="lower", scaled=True, title="MAE")
def mae(target: Array, prediction: Array) -> Array:
    """Mean absolute error."""
    return np.abs(prediction - target)


@metric("rmse", family="regression", direction="lower", scaled=True, title="RMSE")
def rmse(target: Array, prediction: Array) -> Statistic:
    """Root mean square error."""
    return OfMeans([(prediction - target) ** 2], np.sqrt)


@metric("r2", family="regression", direction="higher", scaled=False, varied=True, title="R²")
def r2(target: Array, prediction: Array) -> Statistic:
    """Share of the labels' variance that is predicted."""
    y = centred(target)
    return OfMeans(
        [(prediction - target) ** 2, y, y**2],
        lambda error, first, second: 1 - error / positive(second - first**2),
    )


@metric(
    "pearson", family="regression", direction="higher", scaled=False, varied=True, title="Pearson correlation"
)
def pearson(target: Array, prediction: Array) -> Statistic:
    """Linear correlation."""
    return _correlation(target, prediction)


@metric(
    "spearman",
    family="regression",
    direction="higher",
    scaled=False,
    varied=True,
    title="Spearman correlation",
)
def spearman(target: Array, prediction: Array) -> Statistic:
    """Correlation of ranks, equal values sharing the mean of theirs."""
    return RankCorrelation(target, prediction)


def _correlation(target: Array, prediction: Array) -> OfMeans:
    y, p = centred(target), centred(prediction)

    def combine(y1: Array, p1: Array, yy: Array, pp: Array, yp: Array) -> Array:
        return (yp - y1 * p1) / np.sqrt(positive((yy - y1**2) * (pp - p1**2)))

    return OfMeans([y, p, y * y, p * p, y * p], combine)


class RankCorrelation(Statistic):
    """Spearman's correlation.

    On resamples the ranks stay those in the whole sample; ranking anew changes them by O(1/√n). The influence
    is exact: a record takes part in the ranks of all others.

    Args:
        target: Labels, [n].
        prediction: Predictions, [n].
    """

    def __init__(self, target: Array, prediction: Array) -> None:
        self.n = len(target)
        # Values that are the same but for rounding share a rank.
        self._ranks = [_ranked(centred(values)) for values in (target, prediction)]
        self._pearson = _correlation(*self._ranks)

    @override
    def on(self, counts: Array) -> Array:
        return self._pearson.on(counts)

    @override
    def influence(self) -> Array:
        rho = self.value
        spreads = [positive(np.asarray(ranks.std())) for ranks in self._ranks]
        r, s = ((ranks - ranks.mean()) / spread for ranks, spread in zip(self._ranks, spreads, strict=True))
        direct = self._pearson.influence()
        # Derivatives of the correlation by each rank, and who is ranked above a record.
        return (
            direct + self._above(0, (s - rho * r) / spreads[0]) + self._above(1, (r - rho * s) / spreads[1])
        )

    def _above(self, side: int, slopes: Array) -> Array:
        """Sum of slopes over the records ranked above each record, half of those beside it."""
        _, group = np.unique(self._ranks[side], return_inverse=True)
        sums = np.bincount(group, slopes)
        above: Array = (sums.sum() - sums.cumsum() + sums / 2)[group]
        return above


def _ranked(values: Array) -> Array:
    """Ranks from 1, equal values sharing the mean of theirs; SciPy's take half a second to import."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (counts.cumsum() - (counts - 1) / 2)[group]
    return ranks
