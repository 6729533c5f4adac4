"""From a folder of results to the files of every board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError, meant
from molbench.evaluation.result import Stored
from molbench.evaluation.trust import read_trusted
from molbench.leaderboard.boards import boards_named, lay_out, tasks_on, write_boards
from molbench.leaderboard.entry import SetAside
from molbench.leaderboard.evaluated import entries_of
from molbench.leaderboard.records import Records
from molbench.leaderboard.table import Table
from molbench.spec.catalogue import Catalogue

#: Rejected results that an error names one by one.
_NAMED = 5


@dataclass(frozen=True)
class Built:
    """What became of a folder of results.

    Attributes:
        records: Every number of the boards written.
        empty: Names of boards without results.
        aside: Results that no board believes, and why.
        results: What the boards were computed from.
    """

    records: Records
    empty: list[str]
    aside: list[SetAside]
    results: list[Stored]


def build_boards(results: Path, output: Path, names: Sequence[str] = ()) -> Built:
    """Write ``records.json``, and ``<board>.md`` and ``.csv`` for every board that has results.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        output: Folder to write to.
        names: Boards to build, or YAML files of some; none for all of the catalogue.

    Raises:
        UserError: If a board is unknown, or no result at all belongs on one.
    """
    boards = boards_named(names)
    catalogue = Catalogue.load()
    stored, rejections = read_trusted(results, catalogue)
    tasks = {ref.id: ref for board in boards for ref in tasks_on(board, catalogue)}
    entries = entries_of(stored, tasks, catalogue.entries)
    records, empty = lay_out(boards, entries, catalogue, ())
    if not records.boards:
        raise UserError(
            f"{results}: no result of the tasks and protocol of {', '.join(map(repr, empty))} among the "
            f"{len(stored)} that hold"
            + "".join(f"\n  {rejection.folder}: {rejection.reason}" for rejection in rejections[:_NAMED])
        )
    write_boards(records, output)
    aside = [SetAside(rejection.folder, rejection.reason) for rejection in rejections]
    return Built(records, empty, aside, stored)


def load_table(name: str, folder: Path) -> Table:
    """A board that was built into ``folder``.

    Raises:
        UserError: If it was not, or its file is damaged.
    """
    records = Records.read(folder)
    table = records.board(name)
    if table is None:
        hint = meant(name, [board.name for board in records.boards])
        raise UserError(
            f"{folder}: no board '{name}' was built here{hint}; `molbench board build {name}` makes it"
        )
    return table
