"""The page of a board: one row a model, one column a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from molbench.leaderboard.card import Card
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import MARKS, estimate, pretraining, published_lines
from molbench.leaderboard.score import Difference, Number, Score
from molbench.leaderboard.table import Row, Table
from molbench.numbers import ARROWS, plain, spread
from molbench.site.plots import Scale, interval_mark
from molbench.site.templating import render

#: Places that the first page shows of a board.
_FIRST = 8
#: Number of the first column of a task, behind those that say what a model is.
_FIRST_TASK = 7


@dataclass(frozen=True)
class Line:
    """One model of a board.

    Attributes:
        row: Its place.
        card: What is told of it.
        plot: Its relative error on the board's axis.
        cells: One text a task, empty where it has no score.
        clean: Whether none of the board's datasets was seen in pretraining: ``yes``, ``no`` with the number
            of tasks, or ``unknown`` for corpora that are not in the catalogue.
    """

    row: Row
    card: Card
    plot: Markup
    cells: list[str]
    clean: str


@dataclass(frozen=True)
class Column:
    """One task of a board.

    Attributes:
        task: Its id.
        metric: Name and arrow of its metric.
        unit: Of that.
        lower: Whether lower is better.
    """

    task: str
    metric: str
    unit: str
    lower: bool


def board_page(records: Records, table: Table, compared: Mapping[str, object]) -> str:
    """The page of one board.

    Args:
        records: All boards.
        table: The one.
        compared: What the comparison of two rows needs to know of each task.
    """
    lines = _lines(records, table)
    published_tasks, published = published_lines(table)
    return render(
        "board.html",
        root="../",
        boards=records.boards,
        table=table,
        lines=lines,
        columns=columns(table),
        first_task=_FIRST_TASK,
        facets=_facets(lines),
        estimate=estimate,
        short_gain=short_gain,
        percent=percent,
        known={
            name: any(getattr(row, name) for row in table.rows)
            for name in ("rank", "relative_error", "gain", "mean_rank", "first", "skill")
        },
        compared=compared,
        published_tasks=published_tasks,
        scored=records.by_task,  # tasks that have a page
        published=published,
        total=len(table.tasks) + len(table.missing),
    )


def index_page(records: Records) -> str:
    """The first page: every board with its first places."""
    return render(
        "index.html",
        root="",
        boards=records.boards,
        shown=[(table, _ranked(records, table)[:_FIRST]) for table in records.boards],
        estimate=estimate,
        short_gain=short_gain,
        pretraining=pretraining,
    )


def columns(table: Table) -> list[Column]:
    """The tasks of a board as their scores name them."""
    first = {score.task: score for score in reversed(table.scores)}
    return [
        Column(
            task,
            f"{first[task].metric} {ARROWS[first[task].direction]}",
            first[task].unit,
            first[task].direction == "lower",
        )
        for task in table.tasks
    ]


def cell(score: Score | None) -> str:
    """``▲ 0.961 ± 0.082``: what it is to the same backbone from scratch, a score and its half-width."""
    if score is None:
        return ""
    width = "" if score.half_width is None else f" ± {spread(score.half_width, score.mean)}"
    mark = MARKS[score.over_scratch.verdict].strip() if score.over_scratch else ""
    return f"{mark} {plain(score.mean)}{width}".lstrip()


def _ranked(records: Records, table: Table) -> list[Line]:
    return [line for line in _lines(records, table) if line.row.rank is not None]


def _lines(records: Records, table: Table) -> list[Line]:
    cards = {card.model: card for card in records.cards}
    score_of = {(score.task, score.model): score for score in table.scores}
    scale = Scale.of([end for row in table.rows for end in _ends(row)])
    lines = []
    for row in table.rows:
        card = cards.get(row.model) or Card(model=row.model, family=row.backbone)
        cells = [cell(score_of.get((task, row.model))) for task in table.tasks]
        clean = f"no: {row.overlap}" if row.overlap else "unknown" if card.others else "yes"
        lines.append(Line(row, card, _plot(scale, row), cells, clean))
    return lines


def _ends(row: Row) -> Iterable[float]:
    number = row.relative_error
    return (
        () if number is None else [end for end in (number.low, number.value, number.high) if end is not None]
    )


def _plot(scale: Scale, row: Row) -> Markup:
    number = row.relative_error
    return Markup() if number is None else interval_mark(scale, number.value, number.low, number.high)


def short_gain(difference: Difference) -> str:
    """``+12.1 % (+10.0 … +14.2) better``."""
    return percent(difference) + ("" if difference.verdict == "=" else f" {difference.verdict}")


def percent(share: Number) -> str:
    """``+12.1 % (+10.0 … +14.2)``."""
    if share.low is None or share.high is None:
        return f"{100 * share.value:+.1f} %"
    return f"{100 * share.value:+.1f} % ({100 * share.low:+.1f} … {100 * share.high:+.1f})"


def _facets(lines: list[Line]) -> dict[str, list[str]]:
    """What rows can be chosen by, with the values there are."""
    values: dict[str, set[str]] = {
        "backbone": {line.row.backbone for line in lines},
        "corpus": {
            corpus for line in lines for corpus in (*line.card.corpora, *line.card.others) or ("none",)
        },
        "tier": {line.card.tier for line in lines},
        "modality": {line.card.modality for line in lines},
    }
    return {name: sorted(choices) for name, choices in values.items()}
