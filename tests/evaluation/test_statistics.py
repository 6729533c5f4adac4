"""The bootstrap draws what it says, covers what it should, and is paired."""

import numpy as np
import pytest

from molbench.evaluation.predictions import Predictions
from molbench.evaluation.statistics import average_over_seeds, draw, interval, p_value, resample
from molbench.metrics import METRICS


def _mae(target: np.ndarray, prediction: np.ndarray):
    return METRICS["mae"].statistic(Predictions([], target, prediction, "1")).on


def test_every_resample_has_as_many_samples_as_there_are() -> None:
    chunks = list(draw(70_000, 130))
    assert len(chunks) > 1
    counts = np.concatenate(chunks)
    assert counts.shape == (130, 70_000)
    assert (counts.sum(axis=1) == 70_000).all()
    # A sample is left out with probability (1 - 1/n)^n = 1/e.
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=1e-3)


def test_draws_depend_on_nothing_but_their_number() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(draw(50, 20), draw(50, 20), strict=True))


def test_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    errors = np.abs(np.random.default_rng(0).normal(size=4000)) + 1
    (values,) = resample([_mae(np.zeros(4000), errors)], 4000)
    low, high = interval(values)
    half = 1.96 * errors.std() / np.sqrt(errors.size)
    assert (low, high) == pytest.approx((errors.mean() - half, errors.mean() + half), rel=2e-3)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        errors = rng.exponential(size=100)
        low, high = interval(resample([_mae(np.zeros(100), errors)], 100, 400)[0])
        hits += low <= 1 <= high
    assert 0.88 <= hits / 200 <= 0.98


def test_pairing_removes_what_models_have_in_common() -> None:
    rng = np.random.default_rng(2)
    hardness = rng.exponential(size=300) * 10
    a, b = hardness + 0.1 * rng.random(300) + 0.1, hardness + 0.1 * rng.random(300)
    draws = resample([_mae(np.zeros(300), a), _mae(np.zeros(300), b)], 300)
    assert p_value(draws[0] - draws[1]) < 0.01
    low, high = interval(draws[0])
    assert high - low > 10 * abs(a.mean() - b.mean())


def test_equal_models_do_not_differ() -> None:
    assert p_value(np.zeros(2000)) == 1.0


def test_p_value_by_hand() -> None:
    differences = np.array([-1.0] * 96 + [1.0] * 3)
    assert p_value(differences) == pytest.approx(2 * 4 / 100)
    assert p_value(np.full(1999, 5.0)) == pytest.approx(2 / 2000)


def test_resamples_without_a_value_are_left_out() -> None:
    assert interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert p_value(np.array([np.nan, 1.0])) == 1.0


def test_one_seed_has_no_spread_of_its_own() -> None:
    values = np.random.default_rng(3).normal(size=(1, 50))
    assert np.array_equal(average_over_seeds(values), values[0])


def test_seeds_are_drawn_with_replacement() -> None:
    values = np.stack([np.zeros(3000), np.full(3000, 3.0), np.full(3000, 6.0)])
    mean = average_over_seeds(values)
    assert set(np.unique(mean)) <= set(range(7))
    assert mean.mean() == pytest.approx(3.0, abs=0.1)
    # Variance of a mean of three draws from {0, 3, 6}: 6 / 3.
    assert mean.var() == pytest.approx(2.0, rel=0.1)
