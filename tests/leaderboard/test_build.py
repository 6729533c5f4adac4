"""Boards are written whole, the same from the same results, and harmless whatever a model is called."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.evaluation.result import read_results
from molbench.leaderboard import build_boards, load_boards, load_table
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import to_csv, to_json, to_markdown
from molbench.leaderboard.rows import _exp, _removed
from molbench.leaderboard.score import known
from molbench.leaderboard.table import Table
from molbench.numbers import interval, plain, plus_minus, probabilities, share, signed
from molbench.spec.board import Board
from tests.leaderboard.tables import MadeCatalogue, table_of

BOARD = Board(name="b", title="Board | <b>", description="What it says.", tasks=["data/a", "data/b"])


def _table(root: Path) -> Table:
    return table_of(BOARD, read_results(root))


def test_every_rendering_has_every_score(tmp_path: Path, write_model) -> None:
    write_model("good", 0.2)
    write_model("scratch-b", 0.4)
    table = _table(tmp_path)
    lines = list(csv.DictReader(to_csv(table).splitlines()))
    assert {(line["model"], line["task"]) for line in lines} == {
        (model, task) for model in ("good", "scratch-b") for task in ("data/a", "data/b")
    }
    assert json.loads(to_json(table))["rows"][0]["model"] == "good"
    assert Table.model_validate_json(to_json(table)) == table
    page = to_markdown(table)
    assert "kcal/mol" in page and "mae ↓" in page and "▲" in page
    assert "molbench evaluate CHECKPOINT --tasks 'data/a,data/b' --protocol probe --seeds 3" in page
    assert "molbench board build b" in page


def test_the_same_results_give_the_same_bytes_in_whatever_order_they_were_made(
    tmp_path: Path, write_model, write
) -> None:
    write_model("good", 0.2)
    write_model("scratch-b", 0.4)
    first = [render(_table(tmp_path)) for render in (to_markdown, to_csv, to_json)]
    shutil.rmtree(tmp_path / "good")
    for task in ("data/b", "data/a"):
        for seed in (2, 0, 1):
            write(tmp_path, "good", task, seed, 0.2, seconds={"run": 99.0}, environment={"python": "4"})
    assert [render(_table(tmp_path)) for render in (to_markdown, to_csv, to_json)] == first


def test_names_from_files_cannot_break_out(tmp_path: Path, write_model) -> None:
    write_model("=cmd|<img src=x>[a](javascript:x)`", 0.2, pretraining={"dataset": "<script>"})
    table = _table(tmp_path)
    page = to_markdown(table)
    assert "<img" not in page and "<script" not in page and "[a](" not in page
    # An escaped pipe does not open another cell.
    (line,) = [text for text in page.splitlines() if "cmd" in text and "2/2" in text]
    assert line.replace("\\|", "").count("|") == 14
    assert next(csv.DictReader(to_csv(table).splitlines()))["model"].startswith("'=")


def test_what_is_not_known_is_no_number(tmp_path: Path, write_model) -> None:
    """Without an error the logarithm of it has no end; an unknown number is not called zero."""
    write_model("perfect", 0.0)
    write_model("scratch-b", 0.4)
    table = _table(tmp_path)
    perfect, scratch = table.rows
    assert perfect.model == "perfect" and perfect.gain is not None
    assert perfect.gain.value == pytest.approx(1) and scratch.relative_error.low > 0
    assert Table.model_validate_json(to_json(table)) == table
    assert "nan" not in to_markdown(table) and "inf" not in to_csv(table)
    assert [known(number) for number in (None, float("nan"), float("inf"), 0.0, 1 / 3)] == [
        *[None] * 3,
        0.0,
        0.333333,
    ]
    assert [_removed(log) for log in (0.0, 1e4)] == [0.0, -float("inf")]
    assert [_exp(log) for log in (0.0, 1e4)] == [1.0, float("inf")]


def test_pretraining_on_the_dataset_and_wrong_units_are_said(tmp_path: Path, write_model) -> None:
    write_model(
        "seen", 0.2, overlap="pretrained on the same dataset ('data')", warnings=["100 times too wide"]
    )
    table = _table(tmp_path)
    assert table.rows[0].overlap == 2
    page = to_markdown(table)
    assert "records of the dataset of 2 of the tasks" in page and "100 times too wide" in page


def test_no_board_ranks_partial_data(tmp_path: Path, write_model) -> None:
    write_model("one", 0.2, partial=True)
    table = _table(tmp_path)
    assert [row.rank for row in table.rows] == [None]
    page = to_markdown(table)
    assert "nothing is ranked: compare these scores with nothing else" in page


def test_boards_of_the_catalogue_are_valid() -> None:
    boards = load_boards()
    assert boards["embedded"].suite == boards["embedded-probe"].suite == "embedded-lite"
    assert all(name == board.name for name, board in boards.items())


def test_a_board_without_results_is_not_written(tmp_path: Path, write_model, monkeypatch) -> None:
    write_model("good", 0.2, tasks=("nowhere/a",))
    with pytest.raises(UserError, match="no result of the tasks and protocol of 'embedded'"):
        build_boards(tmp_path, tmp_path / "boards", ["embedded"])
    assert not (tmp_path / "boards").exists()
    with pytest.raises(UserError, match="unknown board 'x'"):
        build_boards(tmp_path, tmp_path / "boards", ["x"])
    with pytest.raises(UserError, match="no such folder"):
        build_boards(tmp_path / "none", tmp_path / "boards")


def test_a_built_board_is_read_back(tmp_path: Path, write_model, monkeypatch) -> None:
    write_model("good", 0.2, date="2026-03-02")
    monkeypatch.setattr("molbench.leaderboard.boards.load_boards", lambda: {"b": BOARD})
    made = MadeCatalogue(read_results(tmp_path))
    monkeypatch.setattr("molbench.leaderboard.build.Catalogue.load", lambda: made)
    # Whether results hold is another matter, and these have no dataset that they could be held against.
    monkeypatch.setattr("molbench.leaderboard.build.read_trusted", lambda root, _: (read_results(root), []))
    built = build_boards(tmp_path, tmp_path / "boards")
    assert built.empty == [] and load_table("b", tmp_path / "boards") == built.records.boards[0]
    assert {path.name for path in (tmp_path / "boards").iterdir()} == {"b.md", "b.csv", "records.json"}
    assert Records.read(tmp_path / "boards") == built.records
    assert [(card.model, card.date) for card in built.records.cards] == [("good", "2026-03-02")]
    assert {score.board for score in built.records.scores} == {"b"}
    with pytest.raises(UserError, match="board build other"):
        load_table("other", tmp_path / "boards")
    (tmp_path / "boards" / "records.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        load_table("b", tmp_path / "boards")
    with pytest.raises(UserError, match="no boards were built here"):
        load_table("b", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.3456, "12.35"),
        (0.00123456, "0.001235"),
        (123456.0, "123456"),
        (-1.5, "-1.500"),
        (1e-9, "1.000e-09"),
    ],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert plain(value) == text


def test_differences_have_a_sign_and_a_share() -> None:
    assert signed(-2.0, 8.0, 0.25) == "-2.00 ± 0.25 (-20 %)"
    assert signed(0.5, 1.5, None) == "+0.500 ± ? (+50 %)"
    assert plus_minus(1.0, None) == "1.000 ± ?" and plus_minus(1.0, 1e-12) == "1.000 ± 0"
    assert interval(1.0, 2.5, 2) == "1.0 … 2.5" and interval(None, None) == "?"
    assert plain(float("nan")) == "-"


def test_p_values_and_what_is_detectable_are_short() -> None:
    assert probabilities(0.0123, 0.4321) == "0.012 (0.43)"
    assert probabilities(1e-9, 1.0) == "<0.001 (1.00)" and probabilities(None, None) == "?"
    assert share(0.051, 0.0204, 3) == "5.1 % (x3 seeds: 2.0 %)"
    assert share(40.0, 0.5, 3) == "> 1000 % (x3 seeds: 50 %)" and share(None, None, 3) == "?"


def test_a_table_says_what_it_cannot_tell(tmp_path: Path, write_model, write) -> None:
    write_model("good", 0.2)
    write_model("scratch-b", 0.4)
    for task in ("data/a", "data/b"):
        write(tmp_path, "lucky", task, 0, 0.01)
    table = _table(tmp_path)
    actual = {(score.model, score.task): score for score in table.scores}
    good, lucky = actual["good", "data/a"], actual["lucky", "data/a"]
    assert good.over_scratch.verdict == "better"
    assert good.over_scratch.low < good.over_scratch.value < good.over_scratch.high < 0
    assert 0 < good.over_scratch.detectable_later < good.over_scratch.detectable
    assert lucky.over_scratch.verdict == "needs more seeds" and lucky.half_width is None
    assert [row.model for row in table.rows if row.rank is None] == ["lucky"]
    page = to_markdown(table)
    assert "± ? ?" in page and "Smallest detectable difference" in page and "x3 seeds" in page
    assert table.rows[0].gain.verdict == "better" and table.rows[0].gain.low < 0.5 < table.rows[0].gain.high
