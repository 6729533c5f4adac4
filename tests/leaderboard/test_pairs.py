"""Models are compared two by two, and a rank says no more than all of those comparisons together."""

from __future__ import annotations

import numpy as np
import pytest

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Measurement, difference
from molbench.leaderboard.grid import ScoreGrid
from molbench.leaderboard.pairs import alone, detectable, differences, places
from molbench.leaderboard.scores import _difference
from molbench.submission.receipt import TaskScore
from molbench.submission.replicates import packed, replicates
from tests.leaderboard.receipts import task_score

N = 400
RNG = np.random.default_rng(0)


def _grid(errors: list[float], seeds: list[int], tasks: int = 2) -> ScoreGrid:
    names = [f"data/{j}" for j in range(tasks)]
    task_scores = [
        {name: task_score(f"m{i}", name, error, count) for name in names}
        for i, (error, count) in enumerate(zip(errors, seeds, strict=True))
    ]
    return ScoreGrid.of(task_scores, names, [1 / tasks] * tasks, 1)


def _measured(mean: float, seeds: int, noise: np.ndarray) -> tuple[Measurement, TaskScore]:
    """A score as predictions give it, and what a receipt would have of it."""
    rows = (noise - noise.mean()) / N
    values = mean + 0.01 * RNG.normal(size=seeds)
    names = [[f"r{i}"] for i in range(N)]
    told = task_score("m", "data/a", mean, seeds).model_copy(
        update={"values": values.tolist(), "replicates": packed(replicates("data/", names, rows))}
    )
    return Measurement(values.mean(), rows, values), told


def test_replicates_give_the_interval_that_predictions_give() -> None:
    """Without anybody's predictions: pairing and both sources of chance are in the scores of tasks."""
    shared = RNG.normal(size=N)
    ratios = []
    for i in range(30):
        (one, a), (other, b) = (
            _measured(1 + 0.1 * i * k, 3, shared + 0.5 * RNG.normal(size=N)) for k in range(2)
        )
        exact, told = difference(one, other, Clusters(N)), _difference(a, b)
        assert told.value == pytest.approx(exact.value)
        assert told.seeds.variance == pytest.approx(exact.seeds.variance)
        ratios.append(float(told.half_width() / exact.half_width()))
    assert np.mean(ratios) == pytest.approx(1, abs=0.05) and np.std(ratios) < 0.15


def test_a_pair_is_compared_by_itself() -> None:
    """The difference of two models is the same whatever others there are."""
    both = differences(*[_grid([0.2, 0.4], [3, 5])] * 2)
    many = differences(*[_grid([0.2, 0.4, 0.5, 0.9], [3, 5, 4, 9])] * 2)
    corner = (slice(0, 2), slice(0, 2))
    assert np.asarray(many.value)[corner] == pytest.approx(np.asarray(both.value))
    assert many.half_width()[corner] == pytest.approx(both.half_width())
    assert np.asarray(both.value)[0, 1] == pytest.approx(-np.asarray(both.value)[1, 0])


def test_places_follow_from_what_is_told_apart() -> None:
    grid = _grid([0.200, 0.201, 0.5, 1.2], [5] * 4)
    standing = places(differences(grid, grid))
    assert standing.first.tolist() == [1, 1, 3, 4] and standing.last.tolist() == [2, 2, 3, 4]


def test_one_model_and_one_seed_separate_nothing() -> None:
    grid = _grid([0.2], [3])
    every = differences(grid, grid)
    assert places(every).first.tolist() == places(every).last.tolist() == [1]
    assert detectable(every) == [None, None]
    grid = _grid([0.2, 0.9], [1, 5])
    every = differences(grid, grid)
    assert places(every).first.tolist() == [1, 1] and places(every).last.tolist() == [2, 2]
    assert detectable(every) == [None, None]


def test_what_leaves_nothing_to_chance_has_an_interval_after_one_run() -> None:
    """Audits of given weights: another seed would give the same."""
    one = task_score("m", "data/0", 0.3, 1)
    grids = [
        ScoreGrid.of([{"data/0": one.model_copy(update={"fixed": fixed})}], ["data/0"], [1.0], 1)
        for fixed in (False, True)
    ]
    unknown, told = (float(alone(grid).half_width()[0]) for grid in grids)
    assert np.isinf(unknown) and 0 < told < 1


def test_repeats_of_a_cross_validation_are_its_sample_and_belong_together() -> None:
    """Folds cut the records alike: what one is harder by, it is harder by for both."""
    hard = np.tile([0.0, 0.4], 3)
    folds = [
        task_score(f"m{k}", "data/a", 1, 6).model_copy(
            update={"folds": 2, "values": (1 + 0.1 * k + hard + 0.001 * RNG.normal(size=6)).tolist()}
        )
        for k in range(2)
    ]
    assert list(folds[0].repeats) == [0, 1, 2] and folds[0].sample == pytest.approx(1.2, abs=0.01)
    assert _difference(*folds).seeds.freedom == 2 and float(_difference(*folds).seeds.variance) < 1e-5
    some = folds[0].model_copy(update={"seeds": [0, 1, 2], "values": folds[0].values[:3]})
    assert list(some.repeats) == [0, 1, 2] and some.sample.tolist() == some.values
