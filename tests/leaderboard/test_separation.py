"""Models are compared two by two, and a rank says no more than all of those comparisons together."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Measurement, difference
from molbench.leaderboard.separation import Measured, Separation

N = 60
RNG = np.random.default_rng(0)


def _measured(means: list[float], seeds: list[int], clusters: Clusters) -> tuple[Measured, list[Measurement]]:
    values = np.array(means)[:, None] + RNG.normal(size=(len(means), N))
    rows = (values - values.mean(axis=1, keepdims=True)) / N
    repeats = [values[i].mean() + 0.01 * RNG.normal(size=count) for i, count in enumerate(seeds)]
    alone = [Measurement(own.mean(), row, own) for own, row in zip(repeats, rows, strict=True)]
    return Measured(np.array([own.mean() for own in repeats]), [(clusters, rows)], repeats), alone


@pytest.mark.parametrize("clusters", [Clusters(N), Clusters.of([[f"a:{i % 12}"] for i in range(N)])])
def test_every_pair_is_the_difference_of_two(clusters: Clusters) -> None:
    measured, alone = _measured([0, 1, 1.2], [3, 4, 9], clusters)
    separation = Separation.of(measured)
    for i in range(3):
        for j in range(3):
            expected = difference(alone[i], alone[j], clusters)
            assert separation.differences.value[i, j] == pytest.approx(expected.value)
            if i != j:
                assert separation.p[i, j] == pytest.approx(expected.p, rel=1e-6)
    assert (separation.p == separation.p.T).all() and (np.diag(separation.p) == 1).all()


def test_pairs_are_adjusted_together() -> None:
    separation = Separation.of(_measured([0, 0.3, 0.5, 0.9], [5] * 4, Clusters(N))[0])
    pairs = np.triu_indices(4, 1)
    expected = multipletests(separation.p[pairs], method="holm")[1]
    assert separation.adjusted[pairs] == pytest.approx(expected)


def test_places_follow_from_what_is_told_apart() -> None:
    first, last = Separation.of(_measured([0, 0.05, 3, 6], [5] * 4, Clusters(N))[0]).places
    assert first.tolist() == [1, 1, 3, 4] and last.tolist() == [2, 2, 3, 4]


def test_blocks_of_independent_records_add_up() -> None:
    measured, _ = _measured([0, 1], [3, 3], Clusters(N))
    twice = Measured(measured.values, [*measured.blocks, *measured.blocks], measured.repeats)
    once, both = (actual.differences().records.variance[0, 1] for actual in (measured, twice))
    assert both == pytest.approx(2 * once)


def test_one_model_and_one_seed_separate_nothing() -> None:
    first, last = Separation.of(_measured([0], [3], Clusters(N))[0]).places
    assert first.tolist() == last.tolist() == [1]
    first, last = Separation.of(_measured([0, 9], [1, 5], Clusters(N))[0]).places
    assert first.tolist() == [1, 1] and last.tolist() == [2, 2]
