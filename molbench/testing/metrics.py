"""What every metric must do."""

from __future__ import annotations

import numpy as np

from molbench.evaluation.predictions import Predictions
from molbench.metrics.metric import Metric


def assert_metric(metric: Metric, predictions: Predictions) -> None:
    """Assert that a metric is a function of a sample, and that the influences of its records are true.

    It must not change the predictions or depend on the order of records; influences must have mean zero and
    be those of the jackknife, but for terms of the order of 1/n; the score of a record, where there is one,
    must be the metric of that record alone.

    Args:
        metric: Any metric.
        predictions: At least 50 records, on which it is defined.
    """
    n = len(predictions.target)
    before = predictions.target.copy(), predictions.prediction.copy()
    value, influence = metric.value(predictions), metric.influence(predictions)
    for old, new in zip(before, (predictions.target, predictions.prediction), strict=True):
        assert np.array_equal(old, new), "the metric changed what it compares"  # noqa: S101
    assert np.isfinite(value), f"the value is {value}"  # noqa: S101
    assert influence.shape == (n,), f"influences of {n} records have the shape {influence.shape}"  # noqa: S101

    order = np.random.default_rng(0).permutation(n)
    other = predictions.take(order)
    assert np.isclose(metric.value(other), value), "the order of records changes the value"  # noqa: S101
    assert np.allclose(metric.influence(other), influence[order]), "order changes influences"  # noqa: S101

    size = np.sqrt((influence**2).mean())
    assert abs(influence.mean()) <= 1e-9 * max(size, 1e-300), f"influences have mean {influence.mean()}"  # noqa: S101
    left_out = jackknife(metric, predictions, np.arange(n))
    likeness = np.corrcoef(influence, left_out)[0, 1]
    ratio = size / np.sqrt((left_out**2).mean())
    assert likeness > 0.99, f"influences correlate {likeness:.3f} with the jackknife's"  # noqa: S101
    assert 0.8 < ratio < 1.25, f"influences are {ratio:.3f} times as large as the jackknife's"  # noqa: S101

    if (scores := metric.scores(predictions)) is not None:
        alone = [metric.value(predictions.take(np.array([row]))) for row in range(n)]
        assert np.allclose(scores, alone), "a record's score is not the metric of that record"  # noqa: S101


def jackknife(metric: Metric, predictions: Predictions, groups: np.ndarray) -> np.ndarray:
    """What groups of records do to a metric, by computing it without each of them in turn.

    Args:
        metric: The metric.
        predictions: n records.
        groups: Group of each record, [n].

    Returns:
        Pseudo-values minus their mean, one a group in ascending order.
    """
    names = np.unique(groups)
    without = np.array([metric.value(predictions.take(np.flatnonzero(groups != name))) for name in names])
    result: np.ndarray = (len(names) - 1) * (without.mean() - without)
    return result
