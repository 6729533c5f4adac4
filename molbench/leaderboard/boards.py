"""The rules of boards, boards laid out from models, and the files of finished ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from molbench.atomic import replace_file
from molbench.errors import UserError, meant, unknown_name
from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard.card import Card
from molbench.leaderboard.entry import Entry
from molbench.leaderboard.field import BoardField
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import to_csv, to_markdown
from molbench.leaderboard.tabulate import tabulate
from molbench.paths import catalogue_root
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.direct import DIRECT
from molbench.spec.document import read_listing, read_yaml

#: Suffix of a file of a board to what writes it.
WRITERS = {"md": to_markdown, "csv": to_csv}


def load_boards() -> dict[str, Board]:
    """Rules of all boards of the catalogue, by name."""
    return read_listing(catalogue_root() / "leaderboards", Board)


def boards_named(names: Sequence[str]) -> list[Board]:
    """Rules of some boards: names of the catalogue's, or paths of YAML files; none for all of the catalogue.

    All of the catalogue come by name, those that rank nothing last.

    Raises:
        UserError: If there is none of that name, a file is not one, or two of them would be one file.
    """
    known = load_boards()
    boards = []
    for name in names or sorted(known, key=lambda name: (not known[name].ranked, name)):
        if name.endswith((".yaml", ".yml")):
            boards.append(read_yaml(Path(name), Board))
        elif name in known:
            boards.append(known[name])
        else:
            raise unknown_name("board", name, [*known, "or a path to a YAML file"])
    for name, count in Counter(board.name for board in boards).items():
        if count > 1:
            raise UserError(f"{count} boards are called '{name}', and each is written to '{name}.md'")
    return boards


def tasks_on(board: Board, catalogue: Catalogue) -> list[TaskRef]:
    """The tasks that a board's rules name.

    Raises:
        UserError: If these name a suite, task, version or protocol that is not there, or two groups one task.
    """
    try:
        refs = catalogue.tasks(board.tasks, board.suite)
        _require_known(board, refs)
    except UserError as error:
        raise UserError(f"board '{board.name}': {error}") from error
    return refs


def _require_known(board: Board, refs: Sequence[TaskRef]) -> None:
    """Whatever the rules say of protocols and of single tasks is of some that there are."""
    protocols = {*load_protocols(), DIRECT}
    if board.protocol not in protocols:
        raise unknown_name("protocol", board.protocol, sorted(protocols))
    tasks = {ref.id: ref for ref in refs}
    for task, version in board.versions.items():
        if task not in tasks:
            raise UserError(f"versions: '{task}' is none of its tasks{meant(task, tasks)}")
        known = [number for number, _ in tasks[task].versions]
        if version not in known:
            raise UserError(f"versions: '{task}' has no version '{version}'; known: {', '.join(known)}")
    grouped: dict[str, int] = {}
    for i, patterns in enumerate(board.groups):
        for pattern in patterns:
            matching = [task for task in tasks if fnmatchcase(task, pattern)]
            if not matching:
                raise UserError(f"groups: none of its tasks matches '{pattern}'{meant(pattern, tasks)}")
            for task in matching:
                if grouped.setdefault(task, i) != i:
                    raise UserError(f"groups: '{task}' is in two of them")


def lay_out(
    boards: Sequence[Board], entries: Sequence[Entry], catalogue: Catalogue, commands: Sequence[str]
) -> tuple[Records, list[str]]:
    """Everything that boards show of some models, and the names of boards that none of these has a task of.

    Args:
        boards: Their rules.
        entries: The models.
        catalogue: What tasks there are.
        commands: What a reader types between evaluating a model and building a board.
    """
    tables, empty = [], []
    cards: dict[str, Card] = {}
    for board in boards:
        field = BoardField.of(board, tasks_on(board, catalogue), entries)
        if field.empty:
            empty.append(board.name)
            continue
        tables.append(tabulate(field, commands))
        cards |= {model: entry.card for model, entry in field.entries.items()}
    return Records(cards=[cards[model] for model in sorted(cards)], boards=tables), empty


def write_boards(records: Records, output: Path) -> None:
    """Write ``records.json``, and each board as Markdown and CSV."""
    records.write(output)
    for table in records.boards:
        for suffix, render in WRITERS.items():
            with replace_file(output / f"{table.name}.{suffix}") as temporary:
                temporary.write_text(render(table), encoding="utf-8")
