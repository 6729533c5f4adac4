"""Boards of submissions, from their folder to their files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError
from molbench.leaderboard.boards import boards_named, lay_out, write_boards
from molbench.leaderboard.entry import SetAside
from molbench.leaderboard.records import Records
from molbench.leaderboard.submitted import read_entries
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import WITHDRAWN, SubmissionFolder
from molbench.submission.receipt import Receipt
from molbench.submission.withdrawn import Withdrawals

#: Dropped scores, and submissions set aside, that an error names one by one.
_NAMED = 10
_COMMANDS = (
    "molbench submit pack results/MODEL --name … --license … --author … --commit …",
    "molbench submit verify submissions/FAMILY/MODEL",
)


@dataclass(frozen=True)
class Published:
    """What became of a folder of submissions.

    Attributes:
        records: Every number of the boards.
        empty: Names of boards that no submission has a task of.
        aside: Submissions, or parts of them, that no board shows, and why.
    """

    records: Records
    empty: list[str]
    aside: list[SetAside]


def publish(
    root: Path, output: Path, names: Sequence[str] = (), *, write: bool = True, check: bool = False
) -> Published:
    """Write ``records.json``, and ``<board>.md`` and ``.csv`` for every board that has submissions.

    The same submissions give the same bytes on every machine. A submission that is damaged is set aside, and
    changes nothing of the rows of others.

    Args:
        root: Folder of submissions.
        output: Folder to write to.
        names: Boards to build, or YAML files of some; none for all of the catalogue.
        write: False computes all, and leaves the files alone.
        check: Scores all predictions again whose datasets are built here, in the place of believing receipts
            of files that are as they were.

    Raises:
        UserError: If a board is unknown, no submission holds, one that was withdrawn is not there, or a score
            that stands in a ``<board>.csv`` of ``output`` is dropped and not listed in ``withdrawn.yaml``;
            nothing is written then.
    """
    catalogue = Catalogue.load()
    entries, aside = read_entries(root, catalogue, _again(catalogue) if check else None)
    boards = boards_named(names)
    records, empty = lay_out(boards, entries, catalogue, _COMMANDS)
    del entries  # receipts of thousands of submissions, before as much is written
    _refuse_dropped(root, output, boards, records, aside)
    if not records.boards:
        listed = "".join(f"\n  {one.path}: {one.reason}" for one in aside[:_NAMED])
        raise UserError(f"{root}: no submission has a task of {', '.join(empty)}{listed}")
    if write:
        write_boards(records, output)
    return Published(records, empty, aside)


def _again(catalogue: Catalogue) -> Callable[[SubmissionFolder, Receipt], str | None]:
    from molbench.evaluation.trust import Trust  # with torch, which boards of receipts do without
    from molbench.submission.verify import check_again

    trust = Trust(catalogue)
    return lambda folder, receipt: check_again(folder, receipt, trust)


def _refuse_dropped(
    root: Path, output: Path, boards: Sequence[Board], records: Records, aside: Sequence[SetAside]
) -> None:
    """A score that was published stays, unless it is withdrawn with a reason."""
    scored = {(score.board, score.model, score.task) for score in records.scores}
    withdrawals = Withdrawals.read(root)
    if lost := [item.submission for item in withdrawals.listed if not (root / item.submission).is_dir()]:
        raise UserError(
            f"{root / WITHDRAWN}: {lost[0]} is not there; a row that was withdrawn keeps its page, which "
            "says why: restore its folder"
        )
    dropped = []
    for board in boards:
        for model, task in _published(output / f"{board.name}.csv"):
            there = (board.name, model, task) in scored
            if not there and not withdrawals.concern(model, task):
                dropped.append(f"  {board.name}: {model} on {task}")
    if dropped:
        why = "".join(f"\n  set aside: {one.path}: {one.reason}" for one in aside[:_NAMED])
        more = f"\n  … and {len(dropped) - _NAMED} more" if len(dropped) > _NAMED else ""
        raise UserError(
            f"scores that stand in the tables of {output} would be gone; nothing was written. "
            "Repair the submissions, or `molbench submit withdraw` them:\n"
            + "\n".join(dropped[:_NAMED])
            + more
            + why
        )


def _published(table: Path) -> list[tuple[str, str]]:
    """Model and task of every score of a table that was written before; none where there is no table."""
    if not table.is_file():
        return []
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return sorted((line["model"], line["task"]) for line in csv.DictReader(file))
    except (KeyError, TypeError, UnicodeDecodeError, csv.Error):
        raise UserError(f"{table}: damaged; restore it, or build into another folder") from None
