"""A small version of ``benchmarks/coverage.py``: intervals cover, and equal models are not told apart."""

import numpy as np
import pytest

from molbench.evaluation.clusters import Clusters
from molbench.testing.coverage import Design, boards, folds, seeds, tables

DRAWS = 1000
# Three standard errors of a share of .065 or .93 in so many draws.
SLACK = 3 * np.sqrt(0.065 * 0.935 / DRAWS)


def _holds(line, most: float = 0.985) -> None:
    assert 0.93 - SLACK <= line.score <= most + SLACK, line
    assert 0.93 - SLACK <= line.difference <= most + SLACK, line
    assert line.verdicts <= 0.065 + SLACK, line
    # The interval and the p-value come from one model.
    assert line.type_1 == pytest.approx(1 - line.difference, abs=2 / DRAWS), line
    assert line.unpaired > 1, line


@pytest.mark.slow
@pytest.mark.parametrize("clustering", ["none", "unequal", "crossed"])
@pytest.mark.parametrize("distribution", ["normal", "t(2.5)"])
def test_intervals_of_several_seeds_cover(distribution: str, clustering: str) -> None:
    rng = np.random.default_rng(0)
    design = Design.of(clustering, 212, rng)
    for line in seeds(design, distribution, (3, 5, 10), (0, 2, 5), draws=DRAWS, rng=rng):
        # Three seeds cannot be exact and err on the wide side.
        _holds(line, 0.985 if line.seeds > 3 else 0.995)


@pytest.mark.parametrize("records", [50, 212])
def test_skewed_differences_are_covered_or_marked(records: int) -> None:
    rng = np.random.default_rng(1)
    for line in seeds(Design.of("none", records, rng), "lognormal", (3, 10), (0, 4), draws=DRAWS, rng=rng):
        _holds(line, 0.995)
        assert line.few > 0.3


@pytest.mark.parametrize("clustering", ["none", "unequal"])
def test_intervals_of_a_cross_validation_cover(clustering: str) -> None:
    rng = np.random.default_rng(2)
    for line in folds(Design.of(clustering, 212, rng), "normal", (0, 1, 5), draws=DRAWS, rng=rng):
        _holds(line, 0.995)


class Blind(Design):
    """Clustered records, of which nobody says so."""

    def clusters(self) -> Clusters:
        return Clusters(self.records)


def test_ignoring_clusters_would_not_cover() -> None:
    rng = np.random.default_rng(3)
    blind = Blind.of("unequal", 212, rng)
    (line,) = seeds(blind, "normal", (10,), (0,), draws=DRAWS, rng=rng)
    assert line.difference < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0, 5])
def test_ten_equal_models_are_one_group(spread: float) -> None:
    rng = np.random.default_rng(4)
    assert boards(10, 5, spread, 200, rng)["separated"] <= 0.06


def test_many_models_against_one_baseline_have_no_chance_verdicts() -> None:
    actual = tables(26, 5, 2, 200, np.random.default_rng(5))
    assert actual["verdicts_raw"] > 0.3 and actual["any_raw"] > 0.2  # what would be printed without adjusting
    assert actual["any_adjusted"] <= 0.065
