"""Ranks of results follow errors, ties show, and a missing result says so in its own row alone."""

from pathlib import Path

import numpy as np
import pytest

from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import read_results
from molbench.leaderboard.table import Row, Table
from molbench.spec.board import Board
from tests.leaderboard.tables import table_of

TASKS = ("data/a", "data/b")
#: What is about all models at once.
SHARED = {"rank", "rank_high", "mean_rank", "first", "pareto", "pareto_time"}


def _table(root: Path, tasks: tuple[str, ...] = TASKS, **changes) -> Table:
    told = {"name": "b", "title": "t", "description": "d", "tasks": list(tasks)} | changes
    return table_of(Board(**told), read_results(root))


def _rows(root: Path, tasks: tuple[str, ...] = TASKS, **changes) -> dict[str, Row]:
    return {row.model: row for row in _table(root, tasks, **changes).rows}


def test_clear_differences_are_ranked_and_measured(tmp_path: Path, write_model) -> None:
    write_model("good", 0.2)
    write_model("bad", 0.8)
    write_model("scratch-b", 0.4)
    rows = _table(tmp_path).rows
    assert [(row.model, row.rank, row.rank_high) for row in rows] == [
        ("good", 1, 1),
        ("scratch-b", 2, 2),
        ("bad", 3, 3),
    ]
    good, scratch, bad = rows
    assert good.gain.value == pytest.approx(0.5, abs=0.03) and good.gain.verdict == "better"
    assert bad.gain.value == pytest.approx(-1.0, abs=0.1) and bad.gain.verdict == "worse"
    assert scratch.gain is None
    # Predicting the mean has a mean absolute error of E|y - mean|.
    target = read_results(tmp_path)[0].predictions.target
    error = good.relative_error
    assert error.value == pytest.approx(0.2 / np.abs(target - target.mean()).mean(), rel=0.05)
    assert error.low < error.value < error.high


def test_models_that_cannot_be_told_apart_share_a_rank(tmp_path: Path, write_model) -> None:
    write_model("one", 0.3)
    write_model("two", 0.3)
    write_model("far", 3.0)
    rows = _rows(tmp_path)
    assert rows["one"].rank == rows["two"].rank == 1
    assert (rows["one"].rank_high, rows["two"].rank_high) == (2, 2)
    assert rows["far"].rank == 3


def test_doubled_seeds_of_one_task_change_no_rank(tmp_path: Path, write_model, write) -> None:
    models = (("one", 0.3), ("two", 0.31), ("far", 0.4), ("scratch-b", 0.5))
    for model, error in models:
        write_model(model, error)
    before = _table(tmp_path)
    for model, error in models:
        for seed in range(3, 6):
            write(tmp_path, model, "data/a", seed, error)
    after = _table(tmp_path)
    for one, other in zip(before.rows, after.rows, strict=True):
        assert (one.model, one.rank, one.rank_high) == (other.model, other.rank, other.rank_high)
        assert other.relative_error.value == pytest.approx(one.relative_error.value, rel=0.02)


def test_more_seeds_of_every_task_count(tmp_path: Path, write_model, write) -> None:
    for model in ("one", "two"):
        write_model(model, 0.3)
    before = _table(tmp_path)
    for model in ("one", "two"):
        for task in TASKS:
            for seed in range(3, 9):
                write(tmp_path, model, task, seed, 0.3)
    after = _table(tmp_path)
    assert after.detectable < before.detectable
    assert before.detectable_later == pytest.approx(after.detectable, rel=0.8)


def test_records_that_two_tasks_share_count_once(tmp_path: Path, write) -> None:
    # The same errors on both, since the ends of their names agree; on the same records, and on others.
    tasks, others = ("data/1same", "data/2same"), ("data/1same", "else/2same")
    for seed in range(3):
        for task in (*tasks, others[1]):
            write(tmp_path, "one", task, seed, 0.3)
    alone, shared, apart = (
        _rows(tmp_path, names)["one"].relative_error for names in (tasks[:1], tasks, others)
    )
    # A second task on the same records, on which the same happens, tells nothing new; one on others does.
    assert (shared.low, shared.high) == pytest.approx((alone.low, alone.high), rel=1e-4)
    assert apart.high < shared.high and apart.low > shared.low


def test_force_tasks_count_by_their_forces(tmp_path: Path, write_model) -> None:
    write_model("good", 0.1, kind="forces")
    write_model("bad", 0.3, kind="forces")
    good, bad = _table(tmp_path).rows
    assert good.model == "good"
    assert bad.relative_error.value / good.relative_error.value == pytest.approx(3, rel=0.05)


def test_a_model_without_a_task_is_compared_on_those_it_has_and_has_no_mean(
    tmp_path: Path, write_model
) -> None:
    write_model("whole", 0.5)
    write_model("scratch-b", 0.4)
    write_model("half", 0.1, tasks=("data/a",))
    table = _table(tmp_path)
    rows = {row.model: row for row in table.rows}
    assert rows["half"].tasks == 1 and rows["half"].relative_error is None and rows["half"].first is None
    assert rows["half"].rank == 1 and rows["whole"].relative_error is not None


def test_what_nearly_nothing_is_known_of_does_not_stand_above_what_is_good(
    tmp_path: Path, write_model, write
) -> None:
    for model, error in (("good", 0.1), ("fair", 0.2), ("scratch-b", 0.4), ("bad", 0.6)):
        write_model(model, error)
    for seed, error in enumerate((0.02, 0.4, 9.0)):
        write(tmp_path, "erratic", "data/a", seed, error)
    rows = _table(tmp_path).rows
    (erratic,) = [row for row in rows if row.model == "erratic"]
    assert erratic.rank == 1 and erratic.rank_high >= 4
    middles = [row.rank + row.rank_high for row in rows]
    assert middles == sorted(middles) and rows[0].model == "good"


def test_of_equal_places_and_tasks_the_smaller_mean_rank_stands_first(tmp_path: Path, write) -> None:
    for model, errors in (("amiss", (0.2, 0.9, 6.0)), ("better", (0.1, 0.3, 3.0))):
        for seed, error in enumerate(errors):
            write(tmp_path, model, "data/a", seed, error)
    rows = _table(tmp_path).rows
    assert {(row.rank, row.rank_high, row.tasks, row.relative_error) for row in rows} == {(1, 2, 1, None)}
    assert [row.model for row in rows] == ["better", "amiss"]


def test_a_deleted_result_changes_no_other_row(tmp_path: Path, write_model) -> None:
    for model, error in (("one", 0.3), ("other", 0.5), ("scratch-b", 0.4)):
        write_model(model, error)
    before = _rows(tmp_path)
    for path in (tmp_path / "one" / "data" / "b" / "probe" / "2").iterdir():
        path.unlink()
    after = _rows(tmp_path)
    assert after["one"].tasks == 1 and after["one"].relative_error is None
    for model in ("other", "scratch-b"):
        assert after[model].model_dump(exclude=SHARED) == before[model].model_dump(exclude=SHARED)
        assert (after[model].rank, after[model].rank_high) == (before[model].rank, before[model].rank_high)


def test_too_few_seeds_are_shown_and_not_compared(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    for task in TASKS:
        for seed in range(2):
            write(tmp_path, "two-seeds", task, seed)
    table = _table(tmp_path)
    row = next(row for row in table.rows if row.model == "two-seeds")
    assert row.rank is None and row.tasks == 0 and row.relative_error is None
    assert [score.seeds for score in table.scores if score.model == "two-seeds"] == [2, 2]


def test_a_task_without_results_is_named(tmp_path: Path, write_model) -> None:
    write_model("whole", 0.5)
    table = _table(tmp_path, (*TASKS, "data/c"))
    assert table.missing == ["data/c"] and table.rows[0].relative_error is None


def test_seeds_of_other_numbers_are_no_repeats_of_the_same(tmp_path: Path, write) -> None:
    """Seeds that tasks do not share are taken in turn: the interval is as wide as that of three seeds."""
    for task, first in (("data/a", 0), ("data/b", 3)):
        for seed in range(first, first + 3):
            write(tmp_path, "one", task, seed, 0.3)
    error = _rows(tmp_path)["one"].relative_error
    assert error.low < error.value < error.high


def test_one_seed_has_no_interval(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    for task in TASKS:
        write(tmp_path, "lone", task, 0, 0.1)
    row = _rows(tmp_path, seeds=1)["lone"]
    assert row.relative_error.low is None and row.rank == 1 and row.rank_high == 2


def test_other_tasks_and_protocols_are_left_aside(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    write(tmp_path, "whole", "other/a")
    protocol = load_protocol("probe").model_copy(update={"name": "probe-12345678"})
    write(tmp_path, "tuned", "data/a", protocol=protocol)
    assert list(_rows(tmp_path)) == ["whole"]
