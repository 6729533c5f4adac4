"""What a board believes of a receipt, and what it finds out by itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from molbench.evaluation.trust import Trust
from molbench.leaderboard.publish import Published, publish
from molbench.submission.folder import RECEIPT, digest_of
from molbench.submission.receipt import Receipt, Rerun
from molbench.submission.verify import verify
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.submission.conftest import _packed, submission, trust  # noqa: F401 - fixtures
from tests.submission.packed import read_card, write_card


@pytest.fixture
def row(submission: Path, trust: Trust, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811 - fixtures
    """A verified submission below the working directory."""
    monkeypatch.chdir(submission.parents[2])
    receipt = verify(submission, trust).receipt
    assert receipt is not None
    receipt.write(submission / RECEIPT)
    board = {"name": "toy", "title": "Toy", "description": "d", "tasks": ["toy/size", "toy/mass"]}
    Path("toy.yaml").write_text(yaml.safe_dump(board))
    # A neighbour, so that there is always a board.
    other = Path("submissions/schnet/other")
    shutil.copytree(submission, other)
    write_card(other, read_card(submission) | {"model": "other"})
    update = {"submission": "schnet/other", "card": digest_of(other / "submission.yaml")}
    receipt.model_copy(update=update).sealed("2026-01-01").write(other / RECEIPT)
    return submission


def _publish(check: bool) -> Published:
    return publish(Path("submissions"), Path("boards"), ["toy.yaml"], write=False, check=check)


def _aside(check: bool) -> dict[str, str]:
    return {one.path.name: one.reason for one in _publish(check).aside}


def _improve(folder: Path, card_too: bool) -> None:
    """Half the error, and a seal that anybody can compute."""
    receipt = Receipt.read(folder / RECEIPT)
    first = receipt.task_scores[0]
    better = first.model_copy(update={"values": [value / 2 for value in first.values]})
    if card_too:
        card = read_card(folder)
        card["predictions"][0]["value"] = better.mean
        write_card(folder, card)
    forged = receipt.model_copy(
        update={
            "task_scores": [better, *receipt.task_scores[1:]],
            "card": digest_of(folder / "submission.yaml"),
        }
    )
    forged.sealed(receipt.date).write(folder / RECEIPT)


def test_an_honest_row_holds_when_it_is_scored_again(row: Path) -> None:
    assert "good" not in _aside(check=False) and "good" not in _aside(check=True)


def test_a_changed_file_is_found_by_its_digest(row: Path) -> None:
    entry = read_card(row)["predictions"][1]
    content = bytearray((row / entry["file"]).read_bytes())
    content[len(content) // 2] ^= 1
    (row / entry["file"]).write_bytes(content)
    assert "another file than its sha256" in _aside(check=False)["good"]
    (row / entry["file"]).unlink()
    assert "no such file" in _aside(check=False)["good"]


def test_a_folder_holds_nothing_that_its_card_does_not_list(row: Path) -> None:
    (row / "evil.sh").write_text("echo")
    assert "'evil.sh' is not listed in submission.yaml" in _aside(check=False)["good"]


def test_a_folder_that_is_called_what_no_name_is_stands_aside(row: Path) -> None:
    row.rename(row.with_name("-Good-"))
    assert _aside(check=False) == {"-Good-": "its folders are called what is no name of a family and a model"}


def test_a_receipt_that_promises_more_than_the_card_is_found(row: Path) -> None:
    _improve(row, card_too=False)
    assert "the card says" in _aside(check=False)["good"]


def test_a_forgery_that_fits_in_all_places_is_found_by_scoring_again(row: Path) -> None:
    """Without that it is believed: the seal guards against accidents, not against intent."""
    _improve(row, card_too=True)
    assert "good" not in _aside(check=False)
    assert "its predictions give" in _aside(check=True)["good"]


def test_rows_on_data_that_is_not_built_are_believed(row: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _improve(row, card_too=True)
    monkeypatch.setattr(Trust, "built", lambda self, name: False)
    assert "good" not in _aside(check=True)


OTHER_WEIGHTS = Rerun(weights="0" * 64, largest=0.0, tolerance=1e-3)
#: What no receipt says, and what the reason names.
NONSENSE = {
    "another number of values": ({"values": [0.5]}, "one value for each"),
    "no value": ({"values": [], "seeds": []}, "values"),
    "one seed twice": ({"seeds": [0, 0]}, "different seeds"),
    "folds below zero": ({"folds": -3}, "folds"),
    "no records": ({"records": 0}, "records"),
    "the wrong way round": ({"direction": "higher"}, "the wrong way round"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_sealed_receipt_that_makes_no_sense_costs_its_row_only(row: Path, name: str) -> None:
    changes, reason = NONSENSE[name]
    receipt = Receipt.read(row / RECEIPT)
    first = receipt.task_scores[0].model_copy(update=changes)
    forged = receipt.model_copy(update={"task_scores": [first, *receipt.task_scores[1:]]})
    forged.sealed(receipt.date).write(row / RECEIPT)
    assert reason in _aside(check=False)["good"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tier": "re-run"}, "its tier is 're-run'"),
        ({"tier": "re-run", "rerun": OTHER_WEIGHTS}, "weights were evaluated again which are not those"),
        ({"tier": "reported"}, "its tier"),
    ],
    ids=["nothing ran", "others ran", "less than it has"],
)
def test_a_tier_is_what_the_card_and_a_run_give(row: Path, changes: dict[str, str], reason: str) -> None:
    receipt = Receipt.read(row / RECEIPT)
    receipt.model_copy(update=changes).sealed(receipt.date).write(row / RECEIPT)
    assert reason in _aside(check=False)["good"]


def test_a_receipt_that_is_a_pipe_is_not_waited_for(row: Path) -> None:
    (row / RECEIPT).unlink()
    os.mkfifo(row / RECEIPT)
    assert "a pipe" in _aside(check=False)["good"]


def test_a_receipt_is_of_the_seeds_of_the_card(row: Path) -> None:
    receipt = Receipt.read(row / RECEIPT)
    first = receipt.task_scores[0]
    other = first.model_copy(update={"seeds": [seed + 50 for seed in first.seeds]})
    forged = receipt.model_copy(update={"task_scores": [other, *receipt.task_scores[1:]]})
    forged.sealed(receipt.date).write(row / RECEIPT)
    assert "other seeds than the card" in _aside(check=False)["good"]
