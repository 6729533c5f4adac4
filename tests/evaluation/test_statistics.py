"""Half-widths add up, p-values and intervals agree, and both are the textbook's where it has one."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from molbench.evaluation.statistics import (
    Component,
    half_width,
    holm,
    merge,
    minimal_detectable_difference,
    of_repeats,
    p_value,
)

POSITIVE = st.floats(1e-6, 1e6)
COMPONENTS = st.builds(Component, POSITIVE, st.floats(1, 1e4), st.floats(-1e3, 1e3))


def _mean_of(sample: np.ndarray) -> Component:
    return Component(sample.var(ddof=1) / sample.size, sample.size - 1.0)


@pytest.mark.parametrize("count", [2, 3, 10, 500])
def test_one_source_is_students_t(count: int) -> None:
    sample = np.random.default_rng(count).normal(0.4, 1, count)
    test = stats.ttest_1samp(sample, 0)
    low, high = test.confidence_interval(0.95)
    assert half_width([_mean_of(sample)]) == pytest.approx((high - low) / 2)
    assert p_value(sample.mean(), [_mean_of(sample)]) == pytest.approx(test.pvalue, rel=1e-6)


def test_seeds_are_a_sample() -> None:
    scores = np.array([1.0, 3.0, 8.0])
    assert of_repeats(scores) == _mean_of(scores)


def test_two_sources_as_one_are_welchs_t() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.5, 3, 5), rng.normal(0, 1, 9)
    welch = stats.ttest_ind(a, b, equal_var=False)
    both = merge([of_repeats(a), of_repeats(b)])
    assert both.freedom == pytest.approx(welch.df)
    assert p_value(a.mean() - b.mean(), [both]) == pytest.approx(welch.pvalue, rel=1e-6)


def test_a_source_that_does_not_vary_is_left_out() -> None:
    varies = of_repeats(np.array([1.0, 2.0, 4.0]))
    both = merge([of_repeats(np.full(3, 0.5)), varies])
    assert both.variance == varies.variance and both.freedom == pytest.approx(varies.freedom)
    assert merge([of_repeats(np.full(3, 0.5))] * 2).freedom == 2


@settings(deadline=None)
@given(st.lists(COMPONENTS, min_size=1, max_size=3))
def test_squared_half_widths_add_up(components: list[Component]) -> None:
    alone = [half_width([component]) ** 2 for component in components]
    assert half_width(components) ** 2 == pytest.approx(sum(alone))


@settings(deadline=None)
@given(st.floats(-1e4, 1e4), st.lists(COMPONENTS, min_size=1, max_size=3))
def test_the_interval_of_one_minus_p_touches_zero(value: float, components: list[Component]) -> None:
    p, rounding = float(p_value(value, components)), 1e-6 * half_width(components)
    if 1e-9 < p < 1:  # 1 - p has no more digits than that
        assert half_width(components, 1 - p) == pytest.approx(abs(value), rel=1e-5, abs=rounding)
    elif p == 1:
        assert half_width(components, 0) >= abs(value) - rounding
    else:
        assert half_width(components, 1 - 2e-9) <= abs(value)


@settings(deadline=None)
@given(st.floats(0, 1e3), st.floats(1.01, 10), st.lists(COMPONENTS, min_size=1, max_size=2))
def test_p_falls_with_the_difference_and_rises_with_the_variance(value, factor, components) -> None:
    p = p_value(value, components)
    assert p_value(value * factor, components) <= p + 1e-9
    wider = [Component(c.variance * factor**2, c.freedom, c.third * factor**3) for c in components]
    assert p_value(value, wider) >= p - 1e-9
    assert p_value(-value, components) == p


def test_nothing_is_known_from_one_seed() -> None:
    records, one = Component(1.0, 100.0), of_repeats(np.array([3.0]))
    assert half_width([records, one]) == np.inf
    assert p_value(5.0, [records, one]) == 1
    assert half_width([records, merge([one, of_repeats(np.array([1.0, 2.0]))])]) == np.inf


def test_equal_models_do_not_differ() -> None:
    assert p_value(0.0, [Component(0.0, 2.0)]) == 1
    assert p_value(1.0, [Component(0.0, 2.0)]) < 1e-10


def test_many_at_once_are_each_alone() -> None:
    rng = np.random.default_rng(2)
    values, variances, freedoms = rng.normal(size=50), rng.random(50), 1 + 10 * rng.random(50)
    together = p_value(values, [Component(variances, freedoms), Component(0.3, 4.0)])
    for i in range(50):
        parts = [Component(variances[i], freedoms[i]), Component(0.3, 4.0)]
        assert together[i] == pytest.approx(p_value(values[i], parts))


def test_skewed_records_widen_the_interval() -> None:
    plain, skewed = Component(1.0, 200.0), Component(1.0, 200.0, 0.15)
    t = stats.t.ppf(0.975, 200)
    # The far end of Johnson's interval: t + skewness (1 + 2 t²) / 6.
    assert half_width([skewed]) == pytest.approx(half_width([plain]) + 0.15 * (1 + 2 * t**2) / 6)
    assert not plain.few and not skewed.few
    assert Component(1.0, 200.0, 0.25).few and Component(1.0, 8.0).few


@pytest.mark.parametrize("count", [8, 30, 200])
def test_what_is_detectable_is_that_of_a_power_analysis(count: int) -> None:
    size = TTestPower().solve_power(nobs=count, alpha=0.05, power=0.8)
    actual = minimal_detectable_difference([Component(1 / count, count - 1.0)])
    # The sum of two quantiles of t stands for one of the non-central distribution.
    assert actual == pytest.approx(size, rel=0.01)


@settings(deadline=None)
@given(st.lists(st.floats(1e-12, 1), min_size=1, max_size=10))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    with patch("gc.collect"):  # at each call of statsmodels, which takes a second among all tests
        adjusted = multipletests(p, method="holm")[1]
    np.testing.assert_allclose(holm(np.array(p)), adjusted, rtol=1e-9)


def test_holm_of_nothing() -> None:
    assert holm(np.array([])).size == 0
