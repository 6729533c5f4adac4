"""Metrics of audits, whose labels are zero."""

from __future__ import annotations

import numpy as np

from molbench.metrics.metric import metric
from molbench.metrics.statistic import Array


@metric("deviation", family="audit", direction="lower", scaled=True)
def deviation(target: Array, prediction: Array) -> Array:
    """Mean deviation of the records from what an audit asks."""
    return np.abs(prediction - target)
