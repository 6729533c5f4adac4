"""Metrics: the value by torchmetrics, and the same number on many resamples at once for the bootstrap.

A resample is a vector of counts, how often each sample was drawn. Every metric here is a function of the
counts, so that thousands of resamples are a few matrix products instead of thousands of calls. Where all
counts are 1 it gives the torchmetrics value, which the tests hold it to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from molbench.evaluation.predictions import Predictions
from molbench.registry import Registry

Kind = Literal["regression", "classification", "forces", "spectrum"]
Direction = Literal["lower", "higher"]
Resampled = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """One way to compare predictions with labels.

    Attributes:
        name: As in ``tasks.yaml``.
        direction: Which is better.
        kinds: Kinds of task it applies to.
        of: What is compared: one value a record, force components, or spectra, which are compared record by
            record and averaged.
        scaled: Whether it has the unit of what is compared; otherwise it is a pure number.
        function: Name in ``torchmetrics.functional`` or ``torchmetrics.functional.classification``.
        options: Arguments of that function.
        resampled: From targets, predictions and the sample each belongs to, to a function of counts of
            samples [R, n] that gives [R] values.
    """

    name: str
    direction: Direction
    kinds: tuple[Kind, ...]
    of: Literal["value", "forces", "spectrum"]
    scaled: bool
    function: str
    resampled: Callable[[np.ndarray, np.ndarray, np.ndarray], Resampled]
    options: tuple[tuple[str, bool | str], ...] = ()

    def value(self, target: np.ndarray, prediction: np.ndarray) -> float:
        """The metric of all samples, computed by torchmetrics in double precision."""
        import torch
        import torchmetrics.functional as regression
        from torchmetrics.functional import classification

        library = classification if self.kinds == ("classification",) else regression
        if not self.scaled and self.kinds == _VALUE and (spread := float(target.std())) > 0:
            # torchmetrics calls sums below an absolute limit zero: a pure number would depend on the unit.
            target, prediction = target / spread, prediction / spread
        truth = torch.from_numpy(target.astype(np.float64))
        guess = torch.from_numpy(prediction.astype(np.float64))
        labels = truth.long() if library is classification else truth
        return float(getattr(library, self.function)(guess, labels, **dict(self.options)))

    def select(self, predictions: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Targets, predictions and the sample each of them belongs to; of a spectrum, each is a row."""
        if self.of != "forces" or predictions.forces is None:
            samples = np.arange(len(predictions.target))
            return predictions.target, predictions.prediction, samples
        forces = predictions.forces
        samples = np.repeat(np.arange(forces.offsets.size - 1), np.diff(forces.offsets))
        return forces.target.astype(np.float64), forces.prediction.astype(np.float64), samples

    def on_resamples(self, predictions: Predictions) -> Resampled:
        """A function from counts of samples [R, n] to values of the metric [R]."""
        return self.resampled(*self.select(predictions))


def _means(samples: np.ndarray, *columns: np.ndarray) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Means of some numbers over what was drawn, as a function of counts of samples.

    The numbers of one sample, such as its force components, are drawn together: they are not independent.
    """
    sums = np.stack([np.bincount(samples, column) for column in columns], axis=1)
    sizes = np.bincount(samples).astype(float)
    return lambda counts: list((counts @ sums / (counts @ sizes)[:, None]).T)


def _mae(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    means = _means(samples, np.abs(prediction - target))
    return lambda counts: means(counts)[0]


def _rmse(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    means = _means(samples, (prediction - target) ** 2)
    return lambda counts: np.sqrt(means(counts)[0])


def _r2(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    y = target - target.mean()
    means = _means(samples, (prediction - target) ** 2, y, y**2)

    def values(counts: np.ndarray) -> np.ndarray:
        error, first, second = means(counts)
        return 1 - _ratio(error, second - first**2)

    return values


def _pearson(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    y, p = target - target.mean(), prediction - prediction.mean()
    means = _means(samples, y, p, y * y, p * p, y * p)

    def values(counts: np.ndarray) -> np.ndarray:
        y1, p1, yy, pp, yp = means(counts)
        return _ratio(yp - y1 * p1, np.sqrt(np.clip((yy - y1**2) * (pp - p1**2), 0, None)))

    return values


def _spearman(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    # Ranks are those in the whole test split; ranking anew in every resample changes them by O(1/sqrt(n)).
    return _pearson(rankdata(target), rankdata(prediction), samples)


def _accuracy(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    means = _means(samples, ((prediction > 0.5) == (target > 0.5)).astype(float))
    return lambda counts: means(counts)[0]


def _f1(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    positive, guessed = target > 0.5, prediction > 0.5
    means = _means(samples, (positive & guessed).astype(float), (positive != guessed).astype(float))

    def values(counts: np.ndarray) -> np.ndarray:
        hit, wrong = means(counts)
        return _ratio(2 * hit, 2 * hit + wrong)

    return values


def _ranked(
    target: np.ndarray, prediction: np.ndarray
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Drawn positives and negatives at each different score, highest first, as a function of counts."""
    order = np.argsort(-prediction, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(prediction[order]) != 0])
    positive = target[order] > 0.5

    def tally(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        drawn = counts[:, order]
        return tuple(np.add.reduceat(drawn * sign, first, axis=1) for sign in (positive, ~positive))  # type: ignore[return-value]

    return tally


def _auroc(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:  # noqa: ARG001
    tally = _ranked(target, prediction)

    def values(counts: np.ndarray) -> np.ndarray:
        hits, alarms = tally(counts)
        below = hits.cumsum(axis=1) - hits / 2  # positives at higher scores, ties counted half
        return _ratio((alarms * below).sum(axis=1), hits.sum(axis=1) * alarms.sum(axis=1))

    return values


def _average_precision(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:  # noqa: ARG001
    tally = _ranked(target, prediction)

    def values(counts: np.ndarray) -> np.ndarray:
        hits, alarms = tally(counts)
        found = hits.cumsum(axis=1)
        precision = _ratio(found, found + alarms.cumsum(axis=1), empty=0.0)
        return _ratio((precision * hits).sum(axis=1), found[:, -1])

    return values


def _spectrum_mae(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    means = _means(samples, np.abs(prediction - target).mean(axis=1))
    return lambda counts: means(counts)[0]


def _spectrum_rmse(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    means = _means(samples, ((prediction - target) ** 2).mean(axis=1))
    return lambda counts: np.sqrt(means(counts)[0])


def _spectral_cosine(target: np.ndarray, prediction: np.ndarray, samples: np.ndarray) -> Resampled:
    inner = (target * prediction).sum(axis=1)
    norms = np.linalg.norm(target, axis=1) * np.linalg.norm(prediction, axis=1)
    means = _means(samples, _ratio(inner, norms, empty=0.0))
    return lambda counts: means(counts)[0]


def _ratio(top: np.ndarray, bottom: np.ndarray, empty: float = np.nan) -> np.ndarray:
    """``top / bottom``, ``empty`` where nothing was drawn that could be divided by."""
    result: np.ndarray = np.divide(top, bottom, out=np.full(np.shape(top), empty), where=bottom > 0)
    return result


_VALUE: tuple[Kind, ...] = ("regression",)
_CLASS: tuple[Kind, ...] = ("classification",)
_FORCE: tuple[Kind, ...] = ("forces",)
_SPECTRUM: tuple[Kind, ...] = ("spectrum",)
_ROOT = (("squared", False),)
_EACH = (("reduction", "mean"),)

MAE = Metric("mae", "lower", _VALUE, "value", True, "mean_absolute_error", _mae)
RMSE = Metric("rmse", "lower", _VALUE, "value", True, "mean_squared_error", _rmse, _ROOT)
R2 = Metric("r2", "higher", _VALUE, "value", False, "r2_score", _r2)
PEARSON = Metric("pearson", "higher", _VALUE, "value", False, "pearson_corrcoef", _pearson)
SPEARMAN = Metric("spearman", "higher", _VALUE, "value", False, "spearman_corrcoef", _spearman)
AUROC = Metric("auroc", "higher", _CLASS, "value", False, "binary_auroc", _auroc)
AVERAGE_PRECISION = Metric(
    "average_precision", "higher", _CLASS, "value", False, "binary_average_precision", _average_precision
)
ACCURACY = Metric("accuracy", "higher", _CLASS, "value", False, "binary_accuracy", _accuracy)
F1 = Metric("f1", "higher", _CLASS, "value", False, "binary_f1_score", _f1)
FORCE_MAE = Metric("force_mae", "lower", _FORCE, "forces", True, "mean_absolute_error", _mae)
FORCE_RMSE = Metric("force_rmse", "lower", _FORCE, "forces", True, "mean_squared_error", _rmse, _ROOT)
ENERGY_MAE = Metric("energy_mae", "lower", _FORCE, "value", True, "mean_absolute_error", _mae)
ENERGY_RMSE = Metric("energy_rmse", "lower", _FORCE, "value", True, "mean_squared_error", _rmse, _ROOT)

SPECTRAL_COSINE = Metric(
    "spectral_cosine", "higher", _SPECTRUM, "spectrum", False, "cosine_similarity", _spectral_cosine, _EACH
)
SPECTRUM_MAE = Metric(
    "spectrum_mae", "lower", _SPECTRUM, "spectrum", True, "mean_absolute_error", _spectrum_mae
)
SPECTRUM_RMSE = Metric(
    "spectrum_rmse", "lower", _SPECTRUM, "spectrum", True, "mean_squared_error", _spectrum_rmse, _ROOT
)

_NAMES = (
    "mae rmse r2 pearson spearman auroc average_precision accuracy f1 "
    "force_mae force_rmse energy_mae energy_rmse spectral_cosine spectrum_mae spectrum_rmse"
)


class _Listed(Registry[Metric]):
    def _built_in(self) -> Iterator[tuple[str, str]]:
        yield from ((name, f"{__name__}:{name.upper()}") for name in _NAMES.split())


#: Metrics by name; other packages add theirs, a :class:`Metric` each.
METRICS: Registry[Metric] = _Listed("metric", __name__, "molbench.metrics")
