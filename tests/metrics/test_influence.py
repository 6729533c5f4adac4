"""The influence of a record is what the metric changes by when it is drawn more or less often."""

import numpy as np
import pytest

from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.metrics import METRICS
from molbench.metrics.metric import Metric, metric
from molbench.metrics.regression import RankCorrelation
from molbench.metrics.statistic import OfMeans
from molbench.testing import assert_metric
from molbench.testing.metrics import jackknife

N = 120
IDS = [str(i) for i in range(1000)]


def sample(kind: str, rng: np.random.Generator, n: int = N) -> Predictions:
    """Records of a kind, of forces with molecules of different size and error, with ties elsewhere."""
    if kind == "spectrum":
        return Predictions(IDS[:n], rng.random((n, 4)), rng.random((n, 4)), "1")
    target = np.round(rng.normal(size=n), 1)
    prediction = np.round(target + rng.normal(size=n), 1)
    if kind == "classification":
        return Predictions(IDS[:n], (target > 0.3).astype(float), 1 / (1 + np.exp(-prediction)), "1")
    if kind != "forces":
        return Predictions(IDS[:n], target, prediction, "1")
    sizes = 3 * rng.integers(1, 6, n)
    truth = rng.normal(size=sizes.sum())
    guess = truth + rng.normal(size=sizes.sum()) * np.repeat(sizes, sizes)
    return Predictions(
        IDS[:n], target, prediction, "1", ForcePredictions(truth, guess, np.r_[0, sizes.cumsum()], "1")
    )


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_keeps_the_laws_of_metrics(name: str) -> None:
    assert_metric(METRICS[name], sample(METRICS[name].family, np.random.default_rng(0)))


@pytest.mark.parametrize("name", METRICS)
def test_influences_of_a_cluster_add_up_to_that_of_leaving_it_out(name: str) -> None:
    rng = np.random.default_rng(1)
    predictions, clusters = sample(METRICS[name].family, rng, 600), rng.permutation(np.arange(600) % 60)
    together = np.bincount(clusters, METRICS[name].influence(predictions)) / 600
    left_out = jackknife(METRICS[name], predictions, clusters) / 60
    assert np.corrcoef(together, left_out)[0, 1] > 0.99
    assert (together**2).sum() == pytest.approx((left_out**2).sum(), rel=0.08)


@pytest.mark.parametrize("name", [n for n in METRICS if n != "spearman"])
def test_influence_is_the_derivative_by_the_counts(name: str) -> None:
    predictions = sample(METRICS[name].family, np.random.default_rng(2), 40)
    statistic, step = METRICS[name].statistic(predictions), 1e-5
    above, below = (statistic.on(np.ones((40, 40)) + sign * step * np.eye(40)) for sign in (1, -1))
    assert METRICS[name].influence(predictions) == pytest.approx(
        40 * (above - below) / (2 * step), abs=1e-6, rel=1e-6
    )


@pytest.mark.parametrize("name", METRICS)
def test_standard_errors_are_the_spread_of_samples_drawn_anew(name: str) -> None:
    rng = np.random.default_rng(3)
    drawn = [sample(METRICS[name].family, rng, 200) for _ in range(400)]
    spread = np.std([METRICS[name].value(one) for one in drawn])
    errors = [np.sqrt((METRICS[name].influence(one) ** 2).sum()) / 200 for one in drawn]
    assert np.mean(errors) == pytest.approx(spread, rel=0.12)


def test_a_perfect_prediction_has_no_influential_record() -> None:
    predictions = Predictions([], np.arange(5.0), np.arange(5.0), "1")
    for name in ("mae", "rmse", "r2", "pearson", "spearman"):
        assert METRICS[name].influence(predictions) == pytest.approx(np.zeros(5), abs=1e-12)


@pytest.mark.parametrize("name", ["auroc", "average_precision", "f1", "pearson", "spearman"])
def test_an_undefined_metric_has_undefined_influences(name: str) -> None:
    constant = Predictions([], np.zeros(4), np.zeros(4), "1")
    assert np.isnan(METRICS[name].influence(constant)).all()


def test_a_plain_function_is_a_metric() -> None:
    @metric("median_error", family="regression", direction="lower", scaled=True)
    def median_error(target: np.ndarray, prediction: np.ndarray) -> float:
        return float(np.median(np.abs(prediction - target)))

    @metric("slow_mae", family="regression", direction="lower", scaled=True)
    def slow_mae(target: np.ndarray, prediction: np.ndarray) -> float:
        return float(np.abs(prediction - target).mean())

    predictions = sample("regression", np.random.default_rng(4), 30)
    assert median_error.name == "median_error" and median_error.title == "median error"
    assert median_error.value(predictions) == np.median(np.abs(predictions.prediction - predictions.target))
    assert slow_mae.influence(predictions) == pytest.approx(METRICS["mae"].influence(predictions))
    counts = np.random.default_rng(5).integers(0, 3, (7, 30)).astype(float)
    fast, slow = (m.statistic(predictions).on(counts) for m in (METRICS["mae"], slow_mae))
    assert slow == pytest.approx(fast)
    assert slow_mae.scores(predictions) is None


def test_a_plain_function_of_force_components_draws_records_as_a_whole() -> None:
    def slow(target: np.ndarray, prediction: np.ndarray) -> float:
        return float(np.sqrt(((prediction - target) ** 2).mean()))

    def ranked(target: np.ndarray, prediction: np.ndarray) -> RankCorrelation:
        return RankCorrelation(target, prediction)

    settings = {"family": "forces", "direction": "lower", "scaled": True, "of": "forces"}
    predictions = sample("forces", np.random.default_rng(7), 60)
    plain = metric("slow", **settings)(slow)
    assert plain.value(predictions) == pytest.approx(METRICS["force_rmse"].value(predictions))
    assert_metric(plain, predictions)
    with pytest.raises(TypeError, match="'ranked' of components must be made of means"):
        metric("ranked", **settings)(ranked).value(predictions)


def test_laws_are_broken_by_what_breaks_them() -> None:
    predictions = sample("regression", np.random.default_rng(6))

    class Wrong(OfMeans):
        def influence(self) -> np.ndarray:
            return 2 * super().influence()

    def made(function) -> Metric:
        return metric("m", family="regression", direction="lower", scaled=True)(function)

    def spoils(target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        prediction += 1
        return np.abs(prediction - target)

    broken = {
        "2.000 times as large": lambda y, p: Wrong([np.abs(p - y)]),
        "the order of records changes the value": lambda y, p: np.abs(p - y) * np.arange(len(y)),
        "the value is nan": lambda y, p: np.full(len(y), np.nan),
        "changed what it compares": spoils,
    }
    for told, function in broken.items():
        with pytest.raises(AssertionError, match=told):
            assert_metric(made(function), predictions)
