"""Boards of results that were written by hand, on tasks that no catalogue has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from molbench.evaluation.result import Stored
from molbench.leaderboard.boards import lay_out
from molbench.leaderboard.evaluated import entries_of
from molbench.leaderboard.records import Records
from molbench.leaderboard.table import Table
from molbench.spec.board import Board


@dataclass
class MadeCatalogue:
    """Knows the tasks of some results, as these declare them."""

    results: Sequence[Stored]
    entries: Sequence[str] = ("data",)

    def tasks(self, patterns: Sequence[str], suite: str | None = None) -> list[Any]:
        """Every task named, whether there are results or not."""
        declared = {one.result.task.id: one.result.task for one in self.results}
        return [_ref(name, declared.get(name)) for name in patterns]


def _ref(name: str, entry: Any) -> SimpleNamespace:
    return SimpleNamespace(
        id=name,
        entry=SimpleNamespace(id=name.partition("/")[0]),
        dataset=SimpleNamespace(version="1.0.0", embedded=True),
        task=entry and entry.declaration,
        subset=None,
        scheme_name="random",
        scheme=SimpleNamespace(folds=(0, 0)),
        versions=[("1.0", frozenset())],
    )


def records_of(board: Board, results: Iterable[Stored]) -> Records:
    """Everything that a board shows of some results; its patterns are the ids of its tasks."""
    stored = list(results)
    catalogue = MadeCatalogue(stored)
    tasks = {ref.id: ref for ref in catalogue.tasks(board.tasks)}
    entries = entries_of(stored, tasks, catalogue.entries)
    return lay_out([board], entries, catalogue, ())[0]


def table_of(board: Board, results: Iterable[Stored]) -> Table:
    """The table of one board."""
    (table,) = records_of(board, results).boards
    return table
