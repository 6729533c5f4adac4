"""Ranks follow errors, ties show, and nothing incomparable is ranked."""

from pathlib import Path

import numpy as np
import pytest

from molbench.errors import UserError
from molbench.evaluation.result import read_results
from molbench.leaderboard.collect import Collection, collect
from molbench.leaderboard.rank import Ranking, rank
from molbench.spec.board import Board

BOARD = Board(name="b", title="t", description="d", tasks=["data/*"])


def _collect(root: Path, tasks: tuple[str, ...] = ("data/a", "data/b")) -> Collection:
    return collect(BOARD, tasks, read_results(root))


def test_clear_differences_are_ranked_and_measured(tmp_path: Path, write_model) -> None:
    write_model("good", 0.2)
    write_model("bad", 0.8)
    write_model("scratch-b", 0.4)
    standings = rank(_collect(tmp_path)).standings
    assert [(s.model, s.rank, s.last) for s in standings] == [
        ("good", 1, 1),
        ("scratch-b", 2, 2),
        ("bad", 3, 3),
    ]
    good, scratch, bad = standings
    assert np.exp(good.gain.value) == pytest.approx(0.5, abs=0.03) and good.gain.verdict == "better"
    assert np.exp(bad.gain.value) == pytest.approx(2.0, abs=0.1) and bad.gain.verdict == "worse"
    assert scratch.gain is None
    # Predicting the mean has a mean absolute error of E|y - mean|.
    results = read_results(tmp_path)
    constant = np.abs(results[0].predictions.target - results[0].predictions.target.mean()).mean()
    assert good.relative_error == pytest.approx(0.2 / constant, rel=0.05)
    assert good.low < good.relative_error < good.high


def test_models_that_cannot_be_told_apart_share_a_rank(tmp_path: Path, write_model) -> None:
    write_model("one", 0.3)
    write_model("two", 0.3)
    write_model("far", 3.0)
    standings = {s.model: s for s in rank(_collect(tmp_path)).standings}
    assert standings["one"].rank == standings["two"].rank == 1
    assert (standings["one"].last, standings["two"].last) == (2, 2)
    assert standings["far"].rank == 3


def test_doubled_seeds_of_one_task_change_no_rank(tmp_path: Path, write_model, write) -> None:
    for model, error in (("one", 0.3), ("two", 0.31), ("far", 0.4), ("scratch-b", 0.5)):
        write_model(model, error)
    before = rank(_collect(tmp_path))
    for model, error in (("one", 0.3), ("two", 0.31), ("far", 0.4), ("scratch-b", 0.5)):
        for seed in range(3, 6):
            write(tmp_path, model, "data/a", seed, error)
    assert rank(_collect(tmp_path)) == before


def test_more_seeds_of_every_task_count(tmp_path: Path, write_model, write) -> None:
    for model in ("one", "two"):
        write_model(model, 0.3)
    before = rank(_collect(tmp_path))
    for model in ("one", "two"):
        for task in ("data/a", "data/b"):
            for seed in range(3, 9):
                write(tmp_path, model, task, seed, 0.3)
    after = rank(_collect(tmp_path))
    assert after.detectable < before.detectable
    assert before.detectable_later == pytest.approx(after.detectable, rel=0.8)


def test_records_that_two_tasks_share_count_once(tmp_path: Path, write) -> None:
    tasks = ("data/1same", "data/2same")  # the same errors on both, since the ends of their names agree
    for seed in range(3):
        for task, other in zip(tasks, "de", strict=True):
            write(tmp_path / "shared", "one", task, seed, 0.3)
            write(tmp_path / "apart", "one", task, seed, 0.3, digest=other)
    alone = rank(_collect(tmp_path / "shared", tasks[:1])).standings[0]
    shared, apart = (rank(_collect(tmp_path / name, tasks)).standings[0] for name in ("shared", "apart"))
    # A second task on the same records, on which the same happens, tells nothing new; one on others does.
    assert (shared.low, shared.high) == pytest.approx((alone.low, alone.high))
    assert apart.high < shared.high and apart.low > shared.low


def test_force_tasks_count_by_their_forces(tmp_path: Path, write_model) -> None:
    write_model("good", 0.1, kind="forces")
    write_model("bad", 0.3, kind="forces")
    standings = rank(_collect(tmp_path)).standings
    assert standings[0].model == "good"
    assert standings[1].relative_error / standings[0].relative_error == pytest.approx(3, rel=0.05)


def test_a_model_without_every_task_and_seed_is_not_ranked(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    write_model("half", 0.1, tasks=("data/a",))
    for seed in range(2):
        write(tmp_path, "two-seeds", "data/a", seed)
        write(tmp_path, "two-seeds", "data/b", seed)
    collection = _collect(tmp_path)
    assert collection.models == ["half", "two-seeds", "whole"]
    assert [standing.model for standing in rank(collection).standings] == ["whole"]


def test_nothing_is_ranked_while_a_task_has_no_results(tmp_path: Path, write_model) -> None:
    write_model("whole", 0.5)
    collection = _collect(tmp_path, ("data/a", "data/b", "data/c"))
    assert collection.missing == ["data/c"] and rank(collection) == Ranking()


def test_other_tasks_and_protocols_are_left_aside(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    write(tmp_path, "whole", "other/a")
    write(tmp_path, "tuned", "data/a", protocol=write_protocol("probe-12345678"))
    assert _collect(tmp_path).models == ["whole"]


def write_protocol(name: str):
    from molbench.evaluation.protocols import load_protocol

    return load_protocol("probe").model_copy(update={"name": name})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split_digest": "other"}, "records differ"),
        ({"code": "0.1.0/2"}, "evaluation version differ"),
        ({"partial": True}, "partial differ"),
        ({"embedded": False}, "embedded differ"),
    ],
)
def test_incomparable_results_are_refused(tmp_path: Path, write_model, write, changes, message: str) -> None:
    write_model("whole", 0.5)
    write(tmp_path, "other", "data/a", **changes)
    with pytest.raises(UserError, match=message):
        _collect(tmp_path)


def test_another_protocol_version_is_refused(tmp_path: Path, write_model, write) -> None:
    from molbench.evaluation.protocols import load_protocol

    write_model("whole", 0.5)
    write(tmp_path, "other", "data/a", protocol=load_protocol("probe").model_copy(update={"version": 2}))
    with pytest.raises(UserError, match="protocol differ"):
        _collect(tmp_path)


def test_two_checkpoints_of_one_name_are_refused(tmp_path: Path, write_model, write) -> None:
    write_model("whole", 0.5)
    write(tmp_path, "whole", "data/a", 2, encoder_digest="another")
    with pytest.raises(UserError, match="model 'whole' cannot be compared: checkpoint differ"):
        _collect(tmp_path)
