"""Records that turn out to be wrong are left out without a model; what was published stays addressable."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from molbench.cli import main
from molbench.errors import UserError
from molbench.evaluation.trust import Trust
from molbench.leaderboard.diff import changes
from molbench.leaderboard.publish import publish
from molbench.leaderboard.records import Records
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import RECEIPT
from molbench.submission.verify import verify

BOARD = {"name": "toy", "title": "Toy", "description": "d", "tasks": ["toy/size", "toy/mass"]}


def _exclude(home: Path, count: int, tasks: list[str]) -> list[str]:
    """Leave out the first test records of ``toy/size``."""
    ids = list(Trust(Catalogue.load())._test(Catalogue.load().tasks(["toy/size"])[0]).row_of)[:count]
    listed = {"exclusions": [{"tasks": tasks, "ids": ids, "reason": "wrong geometry", "date": "2026-01-01"}]}
    (home / "datasets" / "toy" / "exclusions.yaml").write_text(yaml.safe_dump(listed))
    return ids


def _score(folder: Path) -> None:
    verify(folder, Trust(Catalogue.load())).receipt.write(folder / RECEIPT)


def _build(output: str, **changes: object) -> Records:
    Path("toy.yaml").write_text(yaml.safe_dump(BOARD | changes))
    return publish(Path("submissions"), Path(output), ["toy.yaml"]).records


@pytest.fixture
def place(submission: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds ``submissions``."""
    monkeypatch.chdir(submission.parent.parent.parent)
    return submission


def test_stored_predictions_are_scored_again_under_both_versions(place: Path, toy_home: Path) -> None:
    _score(place)
    before = _build("before")
    ids = _exclude(toy_home, 5, ["size"])
    # The old receipt knows nothing of it: its score would be gone, and so nothing is built.
    with pytest.raises(UserError, match=r"(?s)toy: good on toy/size.*scored as version 1.0"):
        publish(Path("submissions"), Path("before"), ["toy.yaml"])
    _score(place)
    after = _build("after")
    one, other = ({score.task: score for score in build.scores} for build in (before, after))
    assert other["toy/size"].version == "1.1" and one["toy/size"].version == "1.0"
    assert other["toy/size"].records == one["toy/size"].records - len(ids)
    assert other["toy/size"].mean != one["toy/size"].mean and other["toy/mass"] == one["toy/mass"]
    pinned = {score.task: score for score in _build("pinned", versions={"toy/size": "1.0"}).scores}
    assert pinned["toy/size"] == one["toy/size"]


def test_a_difference_says_why(place: Path, toy_home: Path) -> None:
    _score(place)
    before = _build("before")
    assert changes(before, before) == []
    _exclude(toy_home, 5, ["size"])
    _score(place)
    (change,) = changes(before, _build("after"))
    assert (change.model, change.task) == ("good", "toy/size")
    assert "version 1.1 of the task, no longer 1.0" in change.why
    said = CliRunner().invoke(main.app, ["board", "diff", "before", "after"])
    assert said.exit_code == 0 and "toy: good on toy/size" in said.output and "1 differences" in said.output


def test_other_tasks_and_keys_of_results_stay_as_they_are(place: Path, toy_home: Path) -> None:
    first = verify(place, Trust(Catalogue.load())).receipt
    _exclude(toy_home, 3, ["ring"])
    again = verify(place, Trust(Catalogue.load())).receipt
    assert [
        task_score for task_score in again.task_scores if task_score.version == "1.0"
    ] == first.task_scores
    assert [task_score.task for task_score in again.task_scores if task_score.version == "1.1"] == [
        "toy/ring"
    ]
