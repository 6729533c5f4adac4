"""From a folder of results to the files of every board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.errors import UserError, unknown_name
from molbench.evaluation.trust import Rejection, read_trusted
from molbench.leaderboard.collect import collect
from molbench.leaderboard.render import to_csv, to_json, to_markdown
from molbench.leaderboard.table import Table, tabulate
from molbench.paths import catalogue_root
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.spec.document import read_listing

#: Rejected results that an error names one by one.
_NAMED = 5
_WRITERS = {"md": to_markdown, "csv": to_csv, "json": to_json}


def load_boards() -> dict[str, Board]:
    """Rules of all boards of the catalogue, by name."""
    return read_listing(catalogue_root() / "leaderboards", Board)


@dataclass(frozen=True)
class Built:
    """What became of a folder of results.

    Attributes:
        tables: The boards written.
        empty: Names of boards without results.
        rejections: Results that no board believes, and why.
    """

    tables: list[Table]
    empty: list[str]
    rejections: list[Rejection]


def build_boards(results: Path, output: Path, names: Sequence[str] = ()) -> Built:
    """Write ``<board>.md``, ``.csv`` and ``.json`` for every board that has results.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        output: Folder to write to.
        names: Boards to build; none for all.

    Raises:
        UserError: If a board is unknown, results are not comparable, or none at all hold.
    """
    boards = load_boards()
    for name in names:
        if name not in boards:
            raise unknown_name("board", name, boards)
    catalogue = Catalogue.load()
    stored, rejections = read_trusted(results, catalogue)
    tables, empty = [], []
    for name in names or boards:
        board = boards[name]
        tasks = [ref.id for ref in catalogue.tasks(board.tasks, board.suite)]
        collection = collect(board, tasks, stored)
        if not collection.tasks:
            empty.append(name)
            continue
        tables.append(tabulate(collection))
    if not tables:
        raise UserError(
            f"{results}: no result of the tasks and protocol of {', '.join(map(repr, empty))} among the "
            f"{len(stored)} that hold"
            + "".join(f"\n  {rejection.folder}: {rejection.reason}" for rejection in rejections[:_NAMED])
        )
    for table in tables:
        for suffix, render in _WRITERS.items():
            with replace_file(output / f"{table.name}.{suffix}") as temporary:
                temporary.write_text(render(table), encoding="utf-8")
    return Built(tables, empty, rejections)


def load_table(name: str, folder: Path) -> Table:
    """A board that was built into ``folder``.

    Raises:
        UserError: If it was not, or its file is damaged.
    """
    path = folder / f"{name}.json"
    try:
        return Table.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such board; `molbench board build {name}` makes it") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: damaged: {str(error).splitlines()[0]}; build it again") from error
