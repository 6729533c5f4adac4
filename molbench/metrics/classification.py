"""Metrics of classes 0 and 1 against the probability of class 1; it is called when that is above one half."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from molbench.metrics.metric import metric
from molbench.metrics.statistic import Array, OfMeans, Statistic, positive


@metric("accuracy", family="classification", direction="higher", scaled=False)
def accuracy(target: Array, prediction: Array) -> Array:
    """Share of classes called right."""
    return np.equal(prediction > 0.5, target > 0.5).astype(np.float64)


@metric("f1", family="classification", direction="higher", scaled=False, varied=True, title="F1")
def f1(target: Array, prediction: Array) -> Statistic:
    """Harmonic mean of precision and recall of class 1."""
    true, called = target > 0.5, prediction > 0.5
    return OfMeans(
        [(true & called).astype(float), (true != called).astype(float)],
        lambda hit, wrong: 2 * hit / positive(2 * hit + wrong),
    )


@metric("auroc", family="classification", direction="higher", scaled=False, varied=True, title="AUROC")
def auroc(target: Array, prediction: Array) -> Statistic:
    """Probability that a record of class 1 is given more than one of class 0, ties counted half."""
    return RocArea(target, prediction)


@metric("average_precision", family="classification", direction="higher", scaled=False, varied=True)
def average_precision(target: Array, prediction: Array) -> Statistic:
    """Mean over the records of class 1 of the precision among all that are given as much or more."""
    return AveragePrecision(target, prediction)


class _Ranked(Statistic):
    """What depends on the order of the predictions alone.

    Args:
        target: Classes, [n].
        prediction: Probabilities, [n].
    """

    def __init__(self, target: Array, prediction: Array) -> None:
        self.n = len(target)
        self._order = np.argsort(-prediction, kind="stable")
        self._first = np.flatnonzero(np.r_[True, np.diff(prediction[self._order]) != 0])
        self._positive = target > 0.5
        self._group = np.empty(self.n, dtype=np.int64)
        self._group[self._order] = np.repeat(np.arange(self._first.size), np.diff(np.r_[self._first, self.n]))

    def _tally(self, counts: Array) -> tuple[Array, Array]:
        """Drawn positives and negatives at each different score, highest first, [R, scores]."""
        drawn, positives = counts[:, self._order], self._positive[self._order]
        hits, alarms = (
            np.add.reduceat(drawn * which, self._first, axis=1) for which in (positives, ~positives)
        )
        return hits, alarms

    def _tally_all(self) -> tuple[Array, Array]:
        hits, alarms = self._tally(np.ones((1, self.n)))
        return hits[0], alarms[0]


class RocArea(_Ranked):
    """Area under the receiver operating characteristic."""

    @override
    def on(self, counts: Array) -> Array:
        hits, alarms = self._tally(counts)
        above = hits.cumsum(axis=1) - hits / 2  # positives at higher scores, ties counted half
        result: Array = (alarms * above).sum(axis=1) / positive(hits.sum(axis=1) * alarms.sum(axis=1))
        return result

    @override
    def influence(self) -> Array:
        """The placements of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988)."""
        hits, alarms = self._tally_all()
        below = alarms.sum() - alarms.cumsum() + alarms / 2
        above = hits.cumsum() - hits / 2
        area = self.value
        of_positives = (below / positive(alarms.sum()) - area) / positive(hits.sum())
        of_negatives = (above / positive(hits.sum()) - area) / positive(alarms.sum())
        return self.n * np.where(self._positive, of_positives[self._group], of_negatives[self._group])


class AveragePrecision(_Ranked):
    """Area under the steps of precision over recall."""

    @override
    def on(self, counts: Array) -> Array:
        hits, alarms = self._tally(counts)
        true_positives = hits.cumsum(axis=1)
        precision = np.nan_to_num(true_positives / positive(true_positives + alarms.cumsum(axis=1)))
        result: Array = (precision * hits).sum(axis=1) / positive(true_positives[:, -1])
        return result

    @override
    def influence(self) -> Array:
        """A record adds its own precision, and changes that at all lower scores."""
        hits, alarms = self._tally_all()
        called = (hits + alarms).cumsum()
        precision = hits.cumsum() / called
        lower = [np.cumsum(slopes[::-1])[::-1] for slopes in (hits / called, hits * precision / called)]
        rise, fall = (slopes[self._group] for slopes in lower)
        gain = precision[self._group] - self.value + rise
        result: Array = self.n / positive(hits.sum()) * (np.where(self._positive, gain, 0.0) - fall)
        return result
