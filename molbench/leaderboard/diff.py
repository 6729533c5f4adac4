"""What changed between two builds of the boards, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from molbench.leaderboard.records import Records
from molbench.leaderboard.score import Score
from molbench.leaderboard.table import Row, Table
from molbench.numbers import plain


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        board: Name of the board.
        model: Whose.
        task: On which task; None for what is about all of them.
        before: What stood there; None for what is new.
        after: What stands there now; None for what is gone.
        why: What it is due to.
    """

    board: str
    model: str
    task: str | None
    before: str | None
    after: str | None
    why: str


def changes(before: Records, after: Records) -> list[Change]:
    """Every score and place that differs, board by board."""
    builds = {table.name: table for table in before.boards}, {table.name: table for table in after.boards}
    listed: list[Change] = []
    for name in sorted(builds[0].keys() | builds[1].keys()):
        old, new = (tables.get(name) for tables in builds)
        listed += [*_scores(name, old, new), *_places(name, old, new)]
    return listed


def _scores(board: str, old: Table | None, new: Table | None) -> Iterator[Change]:
    before, after = (
        {(score.model, score.task): score for score in (table.scores if table else [])}
        for table in (old, new)
    )
    why: str | None
    withdrawn = {row.model: row.withdrawn for row in (new.rows if new else []) if row.withdrawn}
    for model, task in sorted(before.keys() | after.keys()):
        one, other = before.get((model, task)), after.get((model, task))
        if one is None and other is not None:
            yield Change(board, model, task, None, _shown(other), "a new score")
        elif other is None and one is not None:
            why = f"withdrawn: {withdrawn[model]}" if model in withdrawn else "gone"
            yield Change(board, model, task, _shown(one), None, why)
        elif one is not None and other is not None and (why := _why(one, other)):
            yield Change(board, model, task, _shown(one), _shown(other), why)


def _why(one: Score, other: Score) -> str | None:
    """What a difference of two scores is due to; None where there is none."""
    if one.version != other.version:
        return f"version {other.version} of the task, no longer {one.version}: other records are left out"
    if one.keys != other.keys:
        return "other predictions"
    if one.mean != other.mean or one.unit != other.unit or one.metric != other.metric:
        return "another version of the metric or of the evaluation"
    if one.tier != other.tier:
        return "checked further" if other.tier != "reported" else "checked less far"
    return None


def _places(board: str, old: Table | None, new: Table | None) -> Iterator[Change]:
    before, after = ({row.model: row for row in (table.rows if table else [])} for table in (old, new))
    for model in sorted(before.keys() & after.keys()):
        if _place(before[model]) != _place(after[model]):
            yield Change(
                board, model, None, _place(before[model]), _place(after[model]), "comparison with all models"
            )


def _place(row: Row) -> str:
    return "no place" if row.rank is None else f"{row.rank}-{row.rank_high}"


def _shown(score: Score) -> str:
    unit = "" if score.unit == "1" else f" {score.unit}"
    return f"{plain(score.mean)}{unit} ({score.tier})"
