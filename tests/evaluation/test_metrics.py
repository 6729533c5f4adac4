"""Metrics have the values one computes by hand, and on resamples those of the samples written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.errors import UserError
from molbench.evaluation.metrics import METRICS
from molbench.evaluation.predictions import Forces, Predictions

TARGET = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTION = np.array([1.0, 2.0, 3.0, 8.0])
CLASSES = np.array([0.0, 0.0, 1.0, 1.0])
PROBABILITIES = np.array([0.1, 0.6, 0.4, 0.9])


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
    assert METRICS[name].value(TARGET, PREDICTION) == pytest.approx(expected, rel=1e-6)


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
    assert METRICS[name].value(CLASSES, PROBABILITIES) == pytest.approx(expected, rel=1e-6)


def test_force_metrics_are_over_components_not_over_records() -> None:
    forces = Forces(
        np.zeros(9, np.float32), np.array([3] * 3 + [0] * 6, np.float32), np.array([0, 3, 9]), "eV/Å"
    )
    predictions = Predictions(["a", "b"], np.zeros(2), np.array([1.0, 5.0]), "eV", forces)
    mae, energy = METRICS["force_mae"], METRICS["energy_mae"]
    assert mae.value(*mae.select(predictions)[:2]) == 1.0
    assert energy.value(*energy.select(predictions)[:2]) == 3.0
    resampled = mae.on_resamples(predictions)(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]]))
    assert resampled.tolist() == [1.0, 3.0, 0.0]


def test_spectra_are_compared_record_by_record() -> None:
    target = np.array([[1.0, 0.0], [3.0, 4.0]])
    prediction = np.array([[1.0, 1.0], [6.0, 8.0]])
    assert METRICS["spectral_cosine"].value(target, prediction) == pytest.approx((np.sqrt(0.5) + 1) / 2)
    assert METRICS["spectrum_mae"].value(target, prediction) == pytest.approx((1 + 3 + 4) / 4)
    assert METRICS["spectrum_rmse"].value(target, prediction) == pytest.approx(np.sqrt((1 + 9 + 16) / 4))


def _samples(data: st.DataObject, kinds: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    classes = "classification" in kinds
    n = data.draw(st.integers(4, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    target = rng.permutation(np.arange(n) % 2).astype(float) if classes else rng.normal(size=n)
    # Few different scores, so that ties occur.
    prediction = rng.integers(0, 5, n) / 4 if classes else target + rng.normal(size=n)
    counts = rng.integers(0, 4, n)
    if classes:
        counts[np.argmax(target)] = counts[np.argmin(target)] = 1
    counts[:3] += 1
    if "spectrum" in kinds:
        target, prediction = (values[:, None] + rng.normal(size=(n, 3)) for values in (target, prediction))
    return target, prediction, counts


@pytest.mark.parametrize(
    "name", [n for n in METRICS if "energy" not in n and "force" not in n and n != "spearman"]
)
@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_counts_mean_the_sample_that_often(name: str, data: st.DataObject) -> None:
    metric = METRICS[name]
    target, prediction, counts = _samples(data, metric.kinds)
    resampled = metric.on_resamples(Predictions([], target, prediction, "1"))
    written_out = metric.value(np.repeat(target, counts, axis=0), np.repeat(prediction, counts, axis=0))
    assert resampled(counts[None].astype(float))[0] == pytest.approx(written_out, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["r2", "pearson", "spearman"])
def test_pure_numbers_are_the_same_in_every_unit(name: str) -> None:
    rng = np.random.default_rng(0)
    target, prediction = rng.normal(size=(2, 9))
    values = [METRICS[name].value(unit * target, unit * prediction) for unit in (1e-6, 1.0, 1e6)]
    assert values == pytest.approx([values[1]] * 3, rel=1e-9)
    assert values[1] != 0


@pytest.mark.parametrize("name", METRICS)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_all_counts_one_is_the_metric_itself(name: str, data: st.DataObject) -> None:
    metric = METRICS[name]
    target, prediction, _ = _samples(data, metric.kinds)
    whole = metric.on_resamples(Predictions([], target, prediction, "1"))(np.ones((1, len(target))))
    assert whole[0] == pytest.approx(metric.value(target, prediction), rel=1e-5, abs=1e-6)


def test_a_resample_without_positives_has_no_auroc() -> None:
    resampled = METRICS["auroc"].on_resamples(Predictions([], CLASSES, PROBABILITIES, "1"))
    assert np.isnan(resampled(np.array([[2.0, 2.0, 0.0, 0.0]])))[0]


def test_unknown_metrics_are_named_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"unknown metric .mse.*mae"):
        METRICS["mse"]
