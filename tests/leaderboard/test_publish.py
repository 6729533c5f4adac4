"""Boards of submissions: what one of them does to the others, and what a rank may say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from molbench.cli import main
from molbench.errors import UserError
from molbench.evaluation.statistics import holm
from molbench.leaderboard.publish import publish
from molbench.leaderboard.table import Row, Table
from molbench.leaderboard.weightings import on_pareto_front, shares_of_first
from molbench.site.overview import _lines
from molbench.submission.withdraw import withdraw
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.leaderboard.receipts import submit, task_score

TASKS = ("toy/mass", "toy/size", "toy/rare")
ERRORS = {"good": 0.2, "fair": 0.4, "poor": 0.8, "scratch-x": 0.5}
#: What is about all models at once.
SHARED = {"rank", "rank_high", "mean_rank", "first", "pareto"}


@pytest.fixture
def place(toy_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A folder with submissions of four models, and a board of them."""
    monkeypatch.setattr("molbench.leaderboard.submitted._Known._digests", lambda self, name: None)
    monkeypatch.chdir(tmp_path)
    for model, error in ERRORS.items():
        _write(model, error)
    _board()
    return tmp_path


def _write(model: str, error: float, tasks: tuple[str, ...] = TASKS, seeds: int = 3, **changes) -> Path:
    baseline = {} if model.startswith("scratch") else {"baseline": "scratch-x"}
    task_scores = [task_score(model, task, error, seeds) for task in tasks]
    return submit(Path("submissions"), model, task_scores, **baseline | changes)


def _board(**changes) -> None:
    board = {"name": "toy", "title": "Toy", "description": "d", "tasks": list(TASKS)} | changes
    Path("toy.yaml").write_text(yaml.safe_dump(board))


def _table(output: str = "boards") -> Table:
    return publish(Path("submissions"), Path(output), ["toy.yaml"]).records.boards[0]


def _rows(table: Table) -> dict[str, Row]:
    return {row.model: row for row in table.rows}


def _own(row: Row) -> dict:
    return row.model_dump(exclude=SHARED)


def test_models_are_ranked_and_beside_what_they_are_compared_with(place: Path) -> None:
    table = _table()
    assert [row.model for row in table.rows] == ["good", "fair", "scratch-x", "poor"]
    good = _rows(table)["good"]
    assert good.rank == 1 and good.first == 1.0 and good.pareto and good.tier == "re-scored"
    assert good.relative_error.low < 0.2 < good.relative_error.high
    assert good.gain.verdict == "better" and good.gain.low < 0.6 < good.gain.high
    score = next(score for score in table.scores if (score.model, score.task) == ("good", "toy/mass"))
    assert score.over_scratch.verdict == "better" and score.over_scratch.high < 0


def test_verdicts_are_adjusted_for_the_tasks_of_their_model_alone(place: Path) -> None:
    """Of many equal models few are told to differ from scratch; another model changes nothing of it."""
    table = _table("a")
    for model in ("good", "fair"):
        own = [s.over_scratch for s in table.scores if s.model == model]
        raw, adjusted = np.array([(d.p, d.p_adjusted) for d in own]).T
        assert adjusted == pytest.approx(holm(raw), rel=1e-4) and (adjusted >= raw).all()
    _write("late", 0.1)
    after = {(s.model, s.task): s for s in _table("b").scores}
    assert all(after[s.model, s.task] == s for s in table.scores)


def test_what_nobody_knows_of_a_corpus_is_not_called_clean(place: Path) -> None:
    _write("good", 0.2, pretraining=[{"other": "something of ours"}])
    _write("fair", 0.4, pretraining=[{"dataset": "toy"}])
    records = publish(Path("submissions"), Path("b"), ["toy.yaml"]).records
    lines = {line.row.model: line for line in _lines(records, records.boards[0])}
    told = {model: (line.clean, line.card.corpora + line.card.others) for model, line in lines.items()}
    assert told["good"] == ("unknown", ("something of ours",)) and told["fair"] == ("no: 3", ("toy",))
    assert told["poor"] == ("yes", ())
    seen = {score.model: score.seen for score in records.scores}
    assert "same dataset ('toy')" in seen["fair"] and seen["good"] is None


def test_pairing_tells_models_apart_that_intervals_do_not(place: Path) -> None:
    """Records that are hard for both cancel."""
    _write("better", 0.17)
    rows = _rows(_table())
    assert rows["better"].relative_error.high > rows["good"].relative_error.low
    assert rows["better"].rank == 1 and rows["good"].rank == 2


def test_a_missing_result_changes_no_other_row(place: Path) -> None:
    before = _rows(_table("a"))
    _write("poor", 0.8, TASKS[:2])
    after = _rows(_table("b"))
    assert (
        after["poor"].tasks == 2 and after["poor"].relative_error is None and after["poor"].rank is not None
    )
    for model in ("good", "fair", "scratch-x"):
        assert after[model] == before[model]
    # Whoever is missing, what a row says of itself stands.
    _write("good", 0.2, TASKS[:1])
    after = _rows(_table("c"))
    assert all(_own(after[model]) == _own(before[model]) for model in ("fair", "scratch-x"))


@pytest.mark.parametrize("damage", ["card", "receipt", "seal", "task", "evaluation", "nothing", "link"])
def test_a_damaged_submission_is_set_aside_with_its_reason(damage: str, place: Path) -> None:
    before = _rows(_table("a"))
    folder = Path("submissions/made/poor")
    receipt = json.loads((folder / "receipt.json").read_text())
    if damage == "card":
        (folder / "submission.yaml").write_text("model: [")
    elif damage == "receipt":
        (folder / "receipt.json").write_text("{")
    elif damage == "nothing":
        (folder / "receipt.json").unlink()
    elif damage == "link":
        (folder / "receipt.json").unlink()
        (folder / "receipt.json").symlink_to("../good/receipt.json")
    else:
        change = {"seal": ("seal", "0" * 64), "task": ("task_scores", []), "evaluation": ("versions", {})}[
            damage
        ]
        receipt[change[0]] = change[1]
        (folder / "receipt.json").write_text(json.dumps(receipt))
    published = publish(Path("submissions"), Path("b"), ["toy.yaml"])
    assert [one.path.name for one in published.aside] == ["poor"] and published.aside[0].reason
    after = _rows(published.records.boards[0])
    assert set(after) == {"good", "fair", "scratch-x"}
    assert all(_own(after[model]) == _own(before[model]) for model in after)


def test_the_same_submissions_give_the_same_bytes(place: Path) -> None:
    _table("a")
    shutil.copytree("submissions", "again")
    publish(Path("again"), Path("b"), ["toy.yaml"])
    for name in ("toy.md", "toy.csv", "records.json"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()


def test_a_score_that_is_gone_is_withdrawn_or_an_error(place: Path) -> None:
    _table()
    kept = Path("boards/records.json").read_bytes()
    _write("fair", 0.4, TASKS[:2])
    with pytest.raises(UserError, match=r"toy: fair on toy/rare"):
        _table()
    assert Path("boards/records.json").read_bytes() == kept
    shutil.rmtree("submissions/made/poor")
    _write("fair", 0.4)
    with pytest.raises(UserError, match="toy: poor on toy/mass"):
        _table()
    _write("poor", 0.8)
    withdraw(Path("submissions/made/poor"), "trained on the test split")
    row = _rows(_table())["poor"]
    assert row.withdrawn == "trained on the test split" and row.rank is None
    assert "trained on the test split" in Path("boards/toy.md").read_text()


def test_a_board_that_nobody_is_on_any_more_is_missed_too(place: Path) -> None:
    """Also where another board was built alone in between, and where the table is all that is left."""
    Path("rare.yaml").write_text(Path("toy.yaml").read_text().replace("name: toy", "name: rare"))
    both = ["toy.yaml", "rare.yaml"]
    _board(tasks=["toy/mass"])
    publish(Path("submissions"), Path("boards"), both)
    publish(Path("submissions"), Path("boards"), ["toy.yaml"])
    Path("boards/records.json").unlink()
    for model, error in ERRORS.items():
        _write(model, error, TASKS[:1])
    Path("rare.yaml").write_text(Path("rare.yaml").read_text().replace("- toy/mass", ""))
    with pytest.raises(UserError, match="rare: fair on toy/mass"):
        publish(Path("submissions"), Path("boards"), both)


def test_a_damaged_table_is_no_leave_to_drop_what_it_had(place: Path) -> None:
    Path("boards").mkdir()
    Path("boards/toy.csv").write_bytes(b"model\nfair\n")
    with pytest.raises(UserError, match=r"boards/toy\.csv: damaged"):
        _table()


def test_a_withdrawn_row_keeps_its_page(place: Path) -> None:
    withdraw(Path("submissions/made/poor"), "trained on the test split")
    shutil.rmtree("submissions/made/poor")
    with pytest.raises(UserError, match=r"withdrawn\.yaml: made/poor"):
        _table()


@pytest.mark.parametrize(
    "entry",
    [
        "- {submission: made/poor, reason: leak, date: 2026-11-28}",  # a date, where text is asked for
        "- {submission: made/poor, reason: leak}",
        "- {submission: made/poor, reson: leak, date: '2026-11-28'}",
        "- {submission: made/poor, tasks: [toy/mas], reason: leak, date: '2026-11-28'}",
    ],
)
def test_a_withdrawal_that_cannot_be_read_is_one_still(place: Path, entry: str) -> None:
    """It concerns its submission alone, which is told with the line that is to be mended."""
    others = [(row.model, row.rank) for row in _table().rows if row.model != "poor"]
    sound = "- {submission: made/fair, tasks: [toy/rare], reason: leak, date: '2026-11-28'}"
    Path("submissions/withdrawn.yaml").write_text(f"withdrawn:\n{sound}\n{entry}\n")
    made = publish(Path("submissions"), Path("again"), ["toy.yaml"])
    rows = {row.model: row for row in made.records.boards[0].rows}
    assert rows["poor"].rank is None and "cannot be read" in str(rows["poor"].withdrawn)
    assert {model for model, _ in others} < rows.keys() and rows["good"].rank == 1
    [told] = [one for one in made.aside if one.path == Path("submissions/made/poor")]
    assert "withdrawn.yaml:3: " in told.reason and "\n" not in told.reason
    publish(Path("submissions"), Path("boards"), ["toy.yaml"])  # over tables that had its scores


@pytest.mark.parametrize(
    "text", ["withdrawm: []\n", "withdrawn:\n- {reason: leak, date: '2026-11-28'}\n", "- [\n"]
)
def test_nothing_is_published_where_nobody_can_tell_what_was_withdrawn(place: Path, text: str) -> None:
    Path("submissions/withdrawn.yaml").write_text(text)
    with pytest.raises(UserError, match=r"withdrawn\.yaml:\d+: "):
        _table()


def test_a_gain_is_over_the_same_backbone_from_scratch(place: Path) -> None:
    """A bad model, or another encoder, makes no gain of pretraining where it is named as the baseline."""
    _write("scratch-other", 0.9, backbone="painn")
    _write("fair", 0.4, baseline="poor")
    _write("good", 0.2, baseline="scratch-other")
    published = publish(Path("submissions"), Path("b"), ["toy.yaml"])
    rows = _rows(published.records.boards[0])
    assert rows["fair"].gain is rows["good"].gain is None and rows["poor"].gain is not None
    assert not any(
        score.over_scratch for score in published.records.scores if score.model in {"fair", "good"}
    )
    assert {one.path.name for one in published.aside} == {"fair", "good"}


def test_ties_are_ties(place: Path) -> None:
    _write("twin", 0.2001)
    rows = _rows(_table())
    assert rows["twin"].rank == rows["good"].rank == 1 and rows["good"].rank_high >= 2


def test_a_score_of_too_few_seeds_says_that_it_does_not_count(place: Path) -> None:
    _write("hasty", 0.2, seeds=2)
    table = _table()
    hasty = _rows(table)["hasty"]
    assert hasty.rank is None and hasty.tasks == 0 and not _rows(table)["good"].warnings
    assert hasty.warnings == [
        f"{task}: it has 2 of the 3 seeds that the board asks for, and does not count" for task in TASKS
    ]


def test_more_seeds_of_one_task_weigh_nothing(place: Path) -> None:
    before = [row.model for row in _table("a").rows]
    task_scores = [task_score("fair", task, 0.4, 6 if task == "toy/mass" else 3) for task in TASKS]
    submit(Path("submissions"), "fair", task_scores, baseline="scratch-x")
    assert [row.model for row in _table("b").rows] == before


def test_tasks_of_a_group_weigh_once(place: Path) -> None:
    """Two energies that say the same are one vote."""
    for model, errors in {"one": (0.1, 0.1, 0.8), "other": (0.4, 0.4, 0.1)}.items():
        submit(
            Path("submissions"), model, [task_score(model, t, e) for t, e in zip(TASKS, errors, strict=True)]
        )
    apart = _rows(_table("apart"))
    _board(groups=[["toy/mass", "toy/size"]])
    grouped = _rows(_table("grouped"))
    assert apart["one"].relative_error.value < apart["other"].relative_error.value
    assert grouped["one"].relative_error.value > grouped["other"].relative_error.value
    assert grouped["one"].relative_error.value == pytest.approx(np.sqrt(0.1 * 0.8), rel=0.05)


def test_time_is_compared_on_one_device_alone(place: Path) -> None:
    """The slow one is on the front of its own device, and the slower of two on one device is not.

    Nor are times compared that were measured in another way, which the version of the cost tells.
    """
    here, there = ({"device": name, "version": 1, "seconds": 9.0} for name in ("here", "there"))
    _write("good", 0.2, speed=100.0, cost=here)
    _write("fair", 0.4, speed=50.0, cost=here)
    _write("poor", 0.8, speed=1.0, cost=there)
    rows = _rows(_table("a"))
    assert {name: row.pareto_time for name, row in rows.items()} == {
        "good": True,
        "fair": False,
        "poor": True,
        "scratch-x": False,
    }
    assert rows["good"].seconds == pytest.approx(10) and rows["good"].device == "here"
    assert rows["scratch-x"].seconds is None
    _write("poor", 0.8, speed=1.0, cost=there | {"version": 2})
    assert _rows(_table("b"))["poor"].pareto_time


def test_what_is_only_reported_is_shown_and_not_ranked(place: Path) -> None:
    _write("told", 0.001, tier="reported")
    rows = _rows(_table())
    assert rows["told"].rank is None and rows["good"].rank == 1 and rows["good"].first == 1.0


def test_a_second_model_of_one_name_is_set_aside(place: Path) -> None:
    submit(Path("submissions"), "good", [task_score("x", "toy/mass", 0.01)], family="other")
    assert {one.path.parent.name for one in publish(Path("submissions"), Path("b"), ["toy.yaml"]).aside} == {
        "made",
        "other",
    }


def test_the_command_publishes_and_says_what_it_set_aside(place: Path) -> None:
    Path("submissions/made/poor/receipt.json").write_text("{")
    result = CliRunner().invoke(main.app, ["board", "build", "toy.yaml", "-o", "boards"])
    assert result.exit_code == 0, result.output
    assert "3 models, 3 tasks" in result.output and "set aside: submissions/made/poor" in result.output
    assert "Toy" in CliRunner().invoke(main.app, ["board", "show", "toy", "-o", "boards"]).output


def test_weightings_are_shares() -> None:
    logs = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    shares = shares_of_first(logs, [0, 1])
    assert shares.sum() == pytest.approx(1) and shares[:2] == pytest.approx(0.5, abs=0.05) and shares[2] == 0
    assert shares_of_first(np.zeros((2, 3)), [0, 1, 2]) == pytest.approx(0.5)
    assert shares_of_first(np.array([[0.0, 5.0], [1.0, 0.0]]), [0, 0]).tolist() == [0.0, 1.0]


def test_the_front_is_what_nothing_dominates() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        errors, costs = rng.integers(0, 5, 12).astype(float), rng.integers(0, 5, 12).astype(float)
        front = on_pareto_front(errors, costs)
        for i in range(12):
            dominated = (
                (errors <= errors[i]) & (costs <= costs[i]) & ((errors < errors[i]) | (costs < costs[i]))
            )
            assert front[i] == (not dominated.any())
