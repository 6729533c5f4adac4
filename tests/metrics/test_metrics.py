"""Metrics have the values of a hand and of a library, and on resamples those of the records written out."""

import numpy as np
import pytest
import torch
import torchmetrics.functional as library
import torchmetrics.functional.classification as library_of_classes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from molbench.errors import UserError
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.metrics import METRICS

TARGET = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTION = np.array([1.0, 2.0, 3.0, 8.0])
CLASSES = np.array([0.0, 0.0, 1.0, 1.0])
PROBABILITIES = np.array([0.1, 0.6, 0.4, 0.9])
ORACLES = {
    "mae": library.mean_absolute_error,
    "rmse": lambda p, t: library.mean_squared_error(p, t, squared=False),
    "r2": library.r2_score,
    "pearson": library.pearson_corrcoef,
    "spearman": library.spearman_corrcoef,
    "auroc": lambda p, t: library_of_classes.binary_auroc(p, t.long()),
    "average_precision": lambda p, t: library_of_classes.binary_average_precision(p, t.long()),
    "accuracy": lambda p, t: library_of_classes.binary_accuracy(p, t.long()),
    "f1": lambda p, t: library_of_classes.binary_f1_score(p, t.long()),
    "energy_mae": library.mean_absolute_error,
    "energy_rmse": lambda p, t: library.mean_squared_error(p, t, squared=False),
    "spectral_cosine": lambda p, t: library.cosine_similarity(p, t, reduction="mean"),
    "spectrum_mae": library.mean_absolute_error,
    "spectrum_rmse": lambda p, t: library.mean_squared_error(p, t, squared=False),
}


def draw_sample(data: st.DataObject, kind: str, least: int = 4) -> Predictions:
    """A sample of a kind of task, with ties among its probabilities."""
    n = data.draw(st.integers(least, least + 8))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    ids = [str(i) for i in range(n)]
    if kind == "classification":
        target = rng.permutation(np.arange(n) % 2).astype(float)
        return Predictions(ids, target, rng.integers(0, 5, n) / 4, "1")
    shape = (n, 3) if kind == "spectrum" else n
    target = rng.normal(size=shape)
    forces = None
    if kind == "forces":
        offsets = np.r_[0, 3 * rng.integers(1, 4, n).cumsum()]
        components = rng.normal(size=(2, offsets[-1])).astype(np.float32)
        forces = ForcePredictions(*components, offsets, "1")
    return Predictions(ids, target, target + rng.normal(size=shape), "1", forces)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mae", 1.0),
        ("rmse", 2.0),
        ("r2", 1 - 16 / 5),
        ("pearson", 11 / np.sqrt(5 * 29)),
        ("spearman", 1.0),
    ],
)
def test_values_of_regression(name: str, expected: float) -> None:
    assert METRICS[name](TARGET, PREDICTION) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auroc", 3 / 4),  # of the four (positive, negative) pairs one is the wrong way round
        ("average_precision", 0.5 * 1 + 0.5 * 2 / 3),
        ("accuracy", 2 / 4),
        ("f1", 2 / 4),
    ],
)
def test_values_of_classification(name: str, expected: float) -> None:
    assert METRICS[name](CLASSES, PROBABILITIES) == pytest.approx(expected, rel=1e-12)


def test_force_metrics_are_over_components_not_over_records() -> None:
    forces = ForcePredictions(
        np.zeros(9, np.float32), np.array([3] * 3 + [0] * 6, np.float32), np.array([0, 3, 9]), "eV/Å"
    )
    predictions = Predictions(["a", "b"], np.zeros(2), np.array([1.0, 5.0]), "eV", forces)
    mae, energy = METRICS["force_mae"], METRICS["energy_mae"]
    assert mae.value(predictions) == 1.0
    assert energy.value(predictions) == 3.0
    resampled = mae.statistic(predictions).on(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]))
    assert resampled.tolist() == [1.0, 3.0, 0.0]
    assert mae.scores(predictions).tolist() == [3.0, 0.0]


def test_spectra_are_compared_record_by_record() -> None:
    target = np.array([[1.0, 0.0], [3.0, 4.0]])
    prediction = np.array([[1.0, 1.0], [6.0, 8.0]])
    assert METRICS["spectral_cosine"](target, prediction) == pytest.approx((np.sqrt(0.5) + 1) / 2)
    assert METRICS["spectrum_mae"](target, prediction) == pytest.approx((1 + 3 + 4) / 4)
    assert METRICS["spectrum_rmse"](target, prediction) == pytest.approx(np.sqrt((1 + 9 + 16) / 4))


@pytest.mark.parametrize("name", sorted(ORACLES))
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_values_are_those_of_a_library(name: str, data: st.DataObject) -> None:
    sample = draw_sample(data, METRICS[name].family)
    target, prediction = (torch.from_numpy(v) for v in (sample.target, sample.prediction))
    expected = float(ORACLES[name](prediction, target))
    assert METRICS[name].value(sample) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", [n for n in METRICS if n != "spearman"])
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_counts_mean_the_record_that_often(name: str, data: st.DataObject) -> None:
    metric = METRICS[name]
    sample = draw_sample(data, metric.family)
    counts = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 4, len(sample.target))
    counts[:2] += 1
    if metric.family == "classification":
        counts[[np.argmax(sample.target), np.argmin(sample.target)]] += 1
    written_out = sample.take(np.repeat(np.arange(counts.size), counts))
    resampled = metric.statistic(sample).on(counts[None].astype(float))
    assert resampled[0] == pytest.approx(metric.value(written_out), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["r2", "pearson", "spearman"])
def test_pure_numbers_are_the_same_in_every_unit(name: str) -> None:
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 9))
    values = [METRICS[name](unit * target, unit * prediction) for unit in (1e-6, 1.0, 1e6)]
    assert values == pytest.approx([values[1]] * 3, rel=1e-9)
    assert values[1] != 0


@pytest.mark.parametrize("name", ["r2", "pearson", "spearman", "auroc", "average_precision", "f1"])
def test_a_single_record_has_no_score_where_the_metric_needs_several(name: str) -> None:
    assert METRICS[name].scores(Predictions([], CLASSES, PROBABILITIES, "1")) is None


def test_one_class_or_a_constant_leaves_no_number_rather_than_zero() -> None:
    for name in ("auroc", "average_precision", "f1"):
        assert np.isnan(METRICS[name](np.zeros(3), np.array([0.1, 0.2, 0.3])))
    assert np.isnan(METRICS["auroc"](np.ones(3), np.array([0.1, 0.2, 0.3])))
    resampled = METRICS["auroc"].statistic(Predictions([], CLASSES, PROBABILITIES, "1")).on
    assert np.isnan(resampled(np.array([[2.0, 2.0, 0.0, 0.0]])))[0]
    labels, constant = np.array([1.0, 2.0, 4.0]), np.full(3, 0.1) + np.array([0, 1e-17, 0])
    for name in ("pearson", "spearman"):
        assert np.isnan(METRICS[name](labels, constant)) and np.isnan(METRICS[name](constant, labels))
    assert np.isnan(METRICS["r2"](constant, labels))
    assert METRICS["r2"](labels, np.full(3, labels.mean())) == pytest.approx(0, abs=1e-15)


def test_unknown_metrics_are_named_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"unknown metric .mse.*mae"):
        METRICS["mse"]


@given(arrays(np.float64, st.integers(2, 40), elements=st.sampled_from([-1.5, 0.0, 0.25, 2.0, 7.0, 1e9])))
def test_ranks_are_those_of_scipy(values: np.ndarray) -> None:
    from scipy.stats import rankdata

    from molbench.metrics.regression import _ranked

    assert np.array_equal(_ranked(values), rankdata(values))
