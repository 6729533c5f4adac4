"""From a folder of results to the files of every board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.evaluation.result import read_results
from molbench.leaderboard.collect import collect
from molbench.leaderboard.render import to_csv, to_json, to_markdown
from molbench.leaderboard.table import Table, tabulate
from molbench.paths import catalogue_root
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.spec.document import read_yaml

_WRITERS = {"md": to_markdown, "csv": to_csv, "json": to_json}


def load_boards() -> dict[str, Board]:
    """Rules of all boards of the catalogue, by name."""
    found = (read_yaml(path, Board) for path in sorted((catalogue_root() / "leaderboards").glob("*.yaml")))
    return {board.name: board for board in found}


def build_boards(results: Path, output: Path, names: Sequence[str] = ()) -> tuple[list[Table], list[str]]:
    """Write ``<board>.md``, ``.csv`` and ``.json`` for every board that has results.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        output: Folder to write to.
        names: Boards to build; none for all.

    Returns:
        The tables written, and the names of boards without results.

    Raises:
        UserError: If a board is unknown, results are damaged or not comparable, or there are none at all.
    """
    boards = load_boards()
    for name in names:
        if name not in boards:
            raise UserError(f"unknown board '{name}'; known: {', '.join(boards)}")
    stored = read_results(results)
    catalogue = Catalogue.load()
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
            f"{len(stored)} there are"
        )
    for table in tables:
        for suffix, render in _WRITERS.items():
            with replace_file(output / f"{table.name}.{suffix}") as temporary:
                temporary.write_text(render(table), encoding="utf-8")
    return tables, empty


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
