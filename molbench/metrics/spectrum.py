"""Metrics of spectra, [n, points]: compared record by record, and averaged."""

from __future__ import annotations

import numpy as np

from molbench.metrics.metric import metric
from molbench.metrics.statistic import Array, OfMeans, Statistic, positive


@metric("spectral_cosine", family="spectrum", direction="higher", scaled=False, title="cosine of spectra")
def spectral_cosine(target: Array, prediction: Array) -> Array:
    """Mean cosine of the angle between the true and the predicted spectrum; 0 where one of them is zero."""
    inner = (target * prediction).sum(axis=1)
    norms = np.linalg.norm(target, axis=1) * np.linalg.norm(prediction, axis=1)
    cosines: Array = np.nan_to_num(inner / positive(norms))
    return cosines


@metric("spectrum_mae", family="spectrum", direction="lower", scaled=True, title="MAE of spectra")
def spectrum_mae(target: Array, prediction: Array) -> Array:
    """Mean absolute error of all points."""
    errors: Array = np.abs(prediction - target).mean(axis=1)
    return errors


@metric("spectrum_rmse", family="spectrum", direction="lower", scaled=True, title="RMSE of spectra")
def spectrum_rmse(target: Array, prediction: Array) -> Statistic:
    """Root mean square error of all points."""
    return OfMeans([((prediction - target) ** 2).mean(axis=1)], np.sqrt)
