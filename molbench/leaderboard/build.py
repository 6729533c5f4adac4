"""From a folder of results to the files of every board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.result import Stored
from molbench.evaluation.trust import RejectedResult, read_trusted
from molbench.leaderboard.boards import boards_named, write_boards
from molbench.leaderboard.card import cards_of
from molbench.leaderboard.collect import collect
from molbench.leaderboard.records import Records
from molbench.leaderboard.table import Table, tabulate
from molbench.spec.catalogue import Catalogue

#: Rejected results that an error names one by one.
_NAMED = 5


@dataclass(frozen=True)
class Built:
    """What became of a folder of results.

    Attributes:
        records: Every number of the boards written.
        results: What they were computed from.
        empty: Names of boards without results.
        rejections: Results that no board believes, and why.
    """

    records: Records
    results: list[Stored]
    empty: list[str]
    rejections: list[RejectedResult]


def build_boards(results: Path, output: Path, names: Sequence[str] = ()) -> Built:
    """Write ``records.json``, and ``<board>.md`` and ``.csv`` for every board that has results.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        output: Folder to write to.
        names: Boards to build, or YAML files of some; none for all of the catalogue.

    Raises:
        UserError: If a board is unknown, results are not comparable, or none at all hold.
    """
    boards = boards_named(names)
    catalogue = Catalogue.load()
    stored, rejections = read_trusted(results, catalogue)
    tables, empty = [], []
    for board in boards:
        tasks = [ref.id for ref in catalogue.tasks(board.tasks, board.suite)]
        collection = collect(board, tasks, stored)
        if not collection.tasks:
            empty.append(board.name)
            continue
        tables.append(tabulate(collection))
    if not tables:
        raise UserError(
            f"{results}: no result of the tasks and protocol of {', '.join(map(repr, empty))} among the "
            f"{len(stored)} that hold"
            + "".join(f"\n  {rejection.folder}: {rejection.reason}" for rejection in rejections[:_NAMED])
        )
    shown = {row.model for table in tables for row in table.rows}
    records = Records(
        cards=cards_of(item for item in stored if item.result.checkpoint.name in shown), boards=tables
    )
    write_boards(records, output)
    return Built(records, stored, empty, rejections)


def load_table(name: str, folder: Path) -> Table:
    """A board that was built into ``folder``.

    Raises:
        UserError: If it was not, or its file is damaged.
    """
    table = Records.read(folder).board(name)
    if table is None:
        raise UserError(f"{folder}: no board '{name}' was built here; `molbench board build {name}` makes it")
    return table
