"""Paired differences with their intervals, one line a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from molbench.evaluation.comparison.compare import Comparison, TaskDifference
from molbench.evaluation.figures.canvas import (
    COLOURS,
    GREY,
    Rows,
    label,
    new_figure,
    require_figure,
    save,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE = 0.2


def write(comparison: Comparison, path: Path) -> list[Path]:
    """Draw a comparison, and write the numbers beside it.

    Returns:
        The figure and the table.

    Raises:
        UserError: If the suffix is of no format that is written.
    """
    require_figure(path)
    with styled():
        return save(draw_comparison(comparison), _rows(comparison), path)


def draw_comparison(comparison: Comparison) -> Figure:
    """Change of the score as a share of the other model's, to the right where the first is better.

    Filled marks are told apart after adjustment for all rows; intervals themselves are of 95 % each.
    """
    tasks = list(dict.fromkeys(row.task for row in comparison.rows))
    pairs = comparison.pairs
    figure = new_figure(6.0, 0.9 + _LINE * max(len(comparison.rows), 3))
    axes = figure.subplots()
    y = 0.0
    ticks = []
    for task in tasks:
        task_rows = [row for row in comparison.rows if row.task == task]
        ticks.append(y + (len(task_rows) - 1) / 2)
        for row in task_rows:
            colour = COLOURS[pairs.index((row.a, row.b)) % len(COLOURS)]
            share, width = _share(row)
            distinct = row.delta.verdict in {"better", "worse"}
            axes.errorbar(
                share, y, xerr=width, color=colour, fmt="o", markersize=4, elinewidth=1,
                markerfacecolor=colour if distinct else "white",
            )  # fmt: skip
            y += 1
        y += 0.5 if len(pairs) > 1 else 0
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    several = len({row.protocol for row in comparison.rows}) > 1
    axes.set_yticks(ticks, [label(task) for task in tasks])
    axes.set_ylim(y - 0.4, -0.8)
    first = label(pairs[0][0])
    axes.set_xlabel(
        f"improvement by {first} over "
        + (f"{label(pairs[0][1])}" if len(pairs) == 1 else "each other model")
        + ", % of its score, 95 % intervals"
    )
    if len(pairs) > 1:
        for i, (_, other) in enumerate(pairs):
            axes.plot([], [], "o", color=COLOURS[i % len(COLOURS)], markersize=4, label=label(other))
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    if several:
        axes.set_title("several protocols", color=GREY)
    return figure


def _share(row: TaskDifference) -> tuple[float, float | None]:
    """Percent of the other's score, positive where the first is better; nothing of one seed's interval."""
    scale = 100 / abs(row.mean_b) if row.mean_b else float("nan")
    sign = -1 if row.direction == "lower" else 1
    width = row.delta.half_width
    return sign * scale * row.delta.value, None if width is None else scale * width


def _rows(comparison: Comparison) -> Rows:
    rows = []
    for row in comparison.rows:
        share, width = _share(row)
        rows.append(
            {
                "first": row.a,
                "other": row.b,
                "task": row.task,
                "protocol": row.protocol,
                "improvement_percent": share,
                "half_width_percent": width,
                "verdict": row.delta.verdict,
            }
        )
    return rows
