"""Metrics of energies and of their negative gradients; a force component counts as much as any other."""

from __future__ import annotations

import numpy as np

from molbench.metrics.metric import metric
from molbench.metrics.statistic import Array, OfMeans, Statistic


@metric("force_mae", family="forces", direction="lower", scaled=True, of="forces", title="MAE of forces")
def force_mae(target: Array, prediction: Array) -> Array:
    """Mean absolute error of force components."""
    return np.abs(prediction - target)


@metric("force_rmse", family="forces", direction="lower", scaled=True, of="forces", title="RMSE of forces")
def force_rmse(target: Array, prediction: Array) -> Statistic:
    """Root mean square error of force components."""
    return OfMeans([(prediction - target) ** 2], np.sqrt)


@metric("energy_mae", family="forces", direction="lower", scaled=True, title="MAE of energies")
def energy_mae(target: Array, prediction: Array) -> Array:
    """Mean absolute error of energies."""
    return np.abs(prediction - target)


@metric("energy_rmse", family="forces", direction="lower", scaled=True, title="RMSE of energies")
def energy_rmse(target: Array, prediction: Array) -> Statistic:
    """Root mean square error of energies."""
    return OfMeans([(prediction - target) ** 2], np.sqrt)
