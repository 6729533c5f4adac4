"""The influence of a record is what the metric changes by when it is drawn more or less often."""

import numpy as np
import pytest

from molbench.evaluation.predictions import Forces, Predictions
from molbench.metrics import METRICS
from molbench.metrics.metric import metric

N = 120


def sample(kind: str, rng: np.random.Generator, n: int = N) -> Predictions:
    """Records of a kind, of forces with molecules of different size and error, with ties elsewhere."""
    if kind == "spectrum":
        return Predictions([], rng.random((n, 4)), rng.random((n, 4)), "1")
    target = np.round(rng.normal(size=n), 1)
    prediction = np.round(target + rng.normal(size=n), 1)
    if kind == "classification":
        return Predictions([], (target > 0.3).astype(float), 1 / (1 + np.exp(-prediction)), "1")
    if kind != "forces":
        return Predictions([], target, prediction, "1")
    sizes = 3 * rng.integers(1, 6, n)
    truth = rng.normal(size=sizes.sum())
    guess = truth + rng.normal(size=sizes.sum()) * np.repeat(sizes, sizes)
    return Predictions([], target, prediction, "1", Forces(truth, guess, np.r_[0, sizes.cumsum()], "1"))


def without(predictions: Predictions, left_out: np.ndarray) -> Predictions:
    """The records of a sample that are not left out."""
    kept, forces = ~left_out, predictions.forces
    if forces is not None:
        sizes = np.diff(forces.offsets)
        inside = np.repeat(kept, sizes)
        offsets = np.r_[0, sizes[kept].cumsum()]
        forces = Forces(forces.target[inside], forces.prediction[inside], offsets, "1")
    return Predictions([], predictions.target[kept], predictions.prediction[kept], "1", forces)


def jackknife(name: str, predictions: Predictions, groups: np.ndarray) -> np.ndarray:
    """Pseudo-values of the groups minus their mean, by computing the metric without each of them."""
    values = [METRICS[name].value(without(predictions, groups == group)) for group in np.unique(groups)]
    return (len(values) - 1) * (np.mean(values) - np.array(values))


@pytest.mark.parametrize("name", METRICS)
def test_influence_is_that_of_the_jackknife(name: str) -> None:
    predictions = sample(METRICS[name].family, np.random.default_rng(0))
    influence = METRICS[name].influence(predictions)
    left_out = jackknife(name, predictions, np.arange(N))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    # The two differ by terms of the order of 1/n.
    assert np.corrcoef(influence, left_out)[0, 1] > 0.999
    assert (influence**2).sum() == pytest.approx((left_out**2).sum(), rel=0.05)


@pytest.mark.parametrize("name", METRICS)
def test_influences_of_a_cluster_add_up_to_that_of_leaving_it_out(name: str) -> None:
    rng = np.random.default_rng(1)
    predictions, clusters = sample(METRICS[name].family, rng, 600), rng.permutation(np.arange(600) % 60)
    together = np.bincount(clusters, METRICS[name].influence(predictions)) / 600
    left_out = jackknife(name, predictions, clusters) / 60
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
