"""Variances over clusters are those of the econometricians, and of the definition written out."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.sandwich_covariance import cov_cluster, cov_cluster_2groups

from molbench.evaluation.clusters import Clusters

RNG = np.random.default_rng(0)


def _contributions(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=-1, keepdims=True)) / values.shape[-1]


def _regression(values: np.ndarray) -> sm.regression.linear_model.RegressionResults:
    """A mean is a regression on nothing but a constant."""
    return sm.OLS(values, np.ones_like(values)).fit()


def test_independent_records_have_the_variance_of_a_mean() -> None:
    values = RNG.normal(size=30)
    actual = Clusters(30).component(_contributions(values))
    assert actual.variance == pytest.approx(values.var(ddof=1) / 30) and actual.freedom == 29
    skewness = stats.skew(values, bias=False) / np.sqrt(30)
    assert actual.skewness == pytest.approx(abs(skewness))


def test_names_that_all_differ_are_independent_records() -> None:
    contributions = _contributions(RNG.normal(size=40))
    named = Clusters.of([[f"molecule:{i}"] for i in range(40)])
    assert named.component(contributions).variance == pytest.approx(
        Clusters(40).component(contributions).variance
    )
    assert named.effective == pytest.approx(40)


def test_one_kind_of_cluster_is_the_cluster_robust_variance() -> None:
    groups = RNG.integers(0, 12, 80)
    values = RNG.normal(size=12)[groups] + RNG.normal(size=80)
    clusters = Clusters.of([[f"protein:{group}"] for group in groups])
    expected = cov_cluster(_regression(values), groups, use_correction=False)[0, 0] * 12 / 11
    assert clusters.component(_contributions(values)).variance == pytest.approx(expected)
    sizes = np.bincount(groups)
    assert clusters.effective == pytest.approx(80**2 / (sizes**2).sum())


def test_crossed_clusters_are_the_two_way_variance() -> None:
    first, second = RNG.integers(0, 15, 200), RNG.integers(0, 9, 200)
    values = RNG.normal(size=15)[first] + RNG.normal(size=9)[second] + RNG.normal(size=200)
    clusters = Clusters.of([[f"solute:{a}", f"solvent:{b}"] for a, b in zip(first, second, strict=True)])
    _, over_first, over_second = cov_cluster_2groups(_regression(values), first, second, use_correction=False)
    both = cov_cluster(_regression(values), first * 9 + second, use_correction=False)
    expected = (over_first * 15 / 14 + over_second * 9 / 8 - both)[0, 0]
    assert clusters.component(_contributions(values)).variance == pytest.approx(expected)


def test_two_drugs_of_one_kind_are_every_two_records_that_share_one() -> None:
    drugs = np.sort(RNG.integers(0, 10, (60, 2)), axis=1)
    effects = RNG.normal(size=10)
    values = effects[drugs].sum(axis=1) + RNG.normal(size=60)
    contributions = _contributions(values)
    clusters = Clusters.of([[f"drug:{a}", f"drug:{b}"] for a, b in drugs])
    shared = (drugs[:, None, :, None] == drugs[None, :, None, :]).any(axis=(2, 3))
    # The sum over all such pairs of records; the correction for few clusters is on the sum over drugs.
    once = sum(contributions[(drugs == drug).any(axis=1)].sum() ** 2 for drug in range(10))
    expected = contributions @ shared @ contributions + once / 9
    assert clusters.component(contributions).variance == pytest.approx(expected)


def test_a_kind_of_one_cluster_says_nothing() -> None:
    contributions = _contributions(RNG.normal(size=20))
    water = Clusters.of([[f"solute:{i}", "solvent:water"] for i in range(20)])
    assert water.component(contributions).variance == pytest.approx(
        Clusters(20).component(contributions).variance
    )


def test_no_variance_is_below_that_of_either_kind() -> None:
    first, second = np.divmod(np.arange(12), 4)
    clusters = Clusters.of([[f"a:{a}", f"b:{b}"] for a, b in zip(first, second, strict=True)])
    for _ in range(50):
        contributions = _contributions(RNG.normal(size=12))
        alone = [
            Clusters.of([[f"a:{name}"] for name in names]).component(contributions).variance
            for names in (first, second)
        ]
        assert clusters.component(contributions).variance >= max(alone) * (1 - 1e-12)


@pytest.mark.parametrize("kind", ["none", "one", "crossed", "two of one"])
def test_differences_of_many_models_are_those_of_each_pair(kind: str) -> None:
    a, b = RNG.integers(0, 9, (2, 50))
    labels = {
        "none": [()] * 50,
        "one": [(f"a:{x}",) for x in a],
        "crossed": [(f"a:{x}", f"b:{y}") for x, y in zip(a, b, strict=True)],
        "two of one": [(f"a:{x}", f"a:{y}") for x, y in zip(a, b, strict=True)],
    }[kind]
    clusters = Clusters.of(labels)
    models = _contributions(RNG.lognormal(size=(4, 50)))
    every = clusters.component_of_differences(models)
    for i in range(4):
        for j in range(4):
            alone = clusters.component(models[i] - models[j])
            assert every.variance[i, j] == pytest.approx(alone.variance, abs=1e-15)
            assert every.third[i, j] == pytest.approx(alone.third, abs=1e-15)


def test_one_record_shows_nothing() -> None:
    assert Clusters(1).component(np.zeros(1)).variance == np.inf
