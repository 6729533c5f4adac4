"""The models of a board beside one of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from molbench.errors import UserError
from molbench.evaluation.statistics import holm
from molbench.leaderboard.against import gains_over
from molbench.leaderboard.entry import SetAside
from molbench.leaderboard.publish import publish
from tests.commands import printed, run_command
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.leaderboard.receipts import submit, task_score
from tests.leaderboard.test_publish import _board, place  # noqa: F401 - a fixture

SUBMISSIONS = Path("submissions")


def test_beside_its_baseline_a_model_gains_what_its_row_says(place: Path) -> None:  # noqa: F811
    rows = {
        row.model: row for row in publish(SUBMISSIONS, Path("boards"), ["toy.yaml"]).records.boards[0].rows
    }
    compared = gains_over("scratch-x", "toy.yaml", SUBMISSIONS)
    assert [one.model for one in compared] == ["good", "fair", "poor"]
    for one in compared:
        gain = rows[one.model].gain
        assert gain and (one.gain.value, one.gain.low, one.gain.p) == (gain.value, gain.low, gain.p)
        assert one.tasks == 3


def test_p_is_adjusted_for_those_that_are_listed(place: Path) -> None:  # noqa: F811
    compared = gains_over("fair", "toy.yaml", SUBMISSIONS)
    raw = np.array([one.gain.p for one in compared])
    assert [one.gain.p_adjusted for one in compared] == pytest.approx(holm(raw).tolist(), rel=1e-4)
    (alone,) = gains_over("fair", "toy.yaml", SUBMISSIONS, ["good"])
    assert alone.gain.p == alone.gain.p_adjusted and alone.gain.verdict == "better"


def test_what_one_removes_of_the_other_is_added_the_other_way_round(place: Path) -> None:  # noqa: F811
    (forth,) = gains_over("fair", "toy.yaml", SUBMISSIONS, ["good"])
    (back,) = gains_over("good", "toy.yaml", SUBMISSIONS, ["fair"])
    assert (1 - forth.gain.value) * (1 - back.gain.value) == pytest.approx(1, rel=1e-4)
    assert forth.gain.p == pytest.approx(back.gain.p)


def test_common_tasks_alone_are_compared(place: Path) -> None:  # noqa: F811
    submit(SUBMISSIONS, "half", [task_score("half", "toy/mass", 0.3)], baseline="scratch-x")
    (one,) = gains_over("half", "toy.yaml", SUBMISSIONS, ["good"])
    assert one.tasks == 1 and one.gain.value > 0
    submit(SUBMISSIONS, "rest", [task_score("rest", "toy/size", 0.3)], baseline="scratch-x")
    with pytest.raises(UserError, match="no other model has a task"):
        gains_over("half", "toy.yaml", SUBMISSIONS, ["rest"])


def test_what_is_set_aside_is_told_before_its_model_is_missed(place: Path) -> None:  # noqa: F811
    (receipt,) = SUBMISSIONS.glob("*/good/receipt.json")
    receipt.write_text("{")
    told: list[SetAside] = []
    with pytest.raises(UserError, match="good"):
        gains_over("good", "toy.yaml", SUBMISSIONS, tell=told.extend)
    assert [one.path for one in told] == [receipt.parent]
    said = run_command("board", "against", "fair", "toy.yaml")
    assert f"set aside: {receipt.parent}: receipt.json: " in said and said.count(str(receipt.parent)) == 1


def test_gains_are_drawn_with_their_numbers_beside(place: Path) -> None:  # noqa: F811
    said = run_command("board", "against", "fair", "toy.yaml", "--plot", "gains.svg")
    assert "gains.svg" in said and "gains.csv" in said
    drawn = Path("gains.svg").read_text()
    gains = {one.model: one.gain.value for one in gains_over("fair", "toy.yaml", SUBMISSIONS)}
    assert gains and all(model in drawn for model in gains)
    rows = csv.DictReader(Path("gains.csv").read_text().splitlines())
    assert {row["model"]: float(row["value"]) for row in rows} == gains
    Path("mine.csv").write_text("my,labels\n")
    with pytest.raises(UserError, match=r"mine\.csv: is there already, where the numbers of mine\.svg go"):
        run_command("board", "against", "fair", "toy.yaml", "--plot", "mine.svg")
    assert Path("mine.csv").read_text() == "my,labels\n" and not Path("mine.svg").exists()
    run_command("board", "against", "fair", "toy.yaml", "--plot", "gains.svg")
    with pytest.raises(UserError, match=r"a figure ends in \.png"):
        run_command("board", "against", "fair", "toy.yaml", "--plot", "gains.txt")


def test_on_a_board_that_ranks_nothing_no_model_is_better(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="board 'audits' ranks nothing"):
        gains_over("coord", "audits", tmp_path)
    with pytest.raises(UserError, match="board 'qm9' has no submissions"):
        gains_over("coord", "qm9", tmp_path)


def test_pages_take_the_place_of_pages_alone(place: Path) -> None:  # noqa: F811
    thesis = Path("mine/site/content/thesis.md")
    thesis.parent.mkdir(parents=True)
    thesis.write_text("precious")
    with pytest.raises(UserError, match="site: has other files than pages of boards"):
        run_command("board", "build", "toy.yaml", "-s", "submissions", "-o", "mine")
    assert thesis.read_text() == "precious" and [*Path("mine").iterdir()] == [Path("mine/site")]
    for _ in range(2):
        run_command("board", "build", "toy.yaml", "-s", "submissions", "-o", "ours")
    assert Path("ours/site/index.html").is_file()


def test_the_command_prints_a_table_and_json(place: Path) -> None:  # noqa: F811
    assert "better" in run_command("board", "against", "fair", "toy.yaml")
    listed = json.loads(printed("board", "against", "fair", "toy.yaml", "--model", "good,poor", "--json"))
    assert [one["model"] for one in listed] == ["good", "poor"]
    with pytest.raises(UserError, match="unknown model 'fare'"):
        run_command("board", "against", "fare", "toy.yaml")
