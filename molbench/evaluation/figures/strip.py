"""Scores of all models on each task, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from molbench.evaluation.figures.canvas import COLOURS, Drawn, label, new_figure
from molbench.evaluation.figures.records import Shown
from molbench.numbers import ARROWS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4


def strip(shown: Shown) -> Iterator[Drawn]:
    """A panel a task, a line a model."""
    summaries = shown.summaries
    tasks = list(dict.fromkeys(summary.task for summary in summaries))
    models = list(dict.fromkeys(summary.candidate for summary in summaries))
    columns = min(_COLUMNS, len(tasks))
    lines = -(-len(tasks) // columns)
    figure: Figure = new_figure(2.0 * columns + 1.0, lines * (0.75 + 0.17 * len(models)))
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for panel in panels.flat[len(tasks) :]:
        panel.set_axis_off()
    rows = []
    for task, panel in zip(tasks, panels.flat, strict=False):
        task_summaries = [summary for summary in summaries if summary.task == task]
        for summary in task_summaries:
            y = models.index(summary.candidate)
            panel.errorbar(
                summary.mean, y, xerr=summary.half_width, fmt="o", color=COLOURS[y % len(COLOURS)],
                markersize=4, elinewidth=1, markerfacecolor=None if summary.half_width else "white",
            )  # fmt: skip
            rows.append(
                {
                    "task": summary.task, "protocol": summary.protocol, "model": summary.candidate,
                    "metric": summary.metric, "unit": summary.unit, "mean": summary.mean,
                    "half_width": summary.half_width, "n": summary.n,
                }
            )  # fmt: skip
        unit = "" if task_summaries[0].unit == "1" else f", {task_summaries[0].unit}"
        panel.set_title(label(task, 34))
        panel.set_xlabel(f"{task_summaries[0].metric}{unit} {ARROWS[task_summaries[0].direction]}")
        panel.set_yticks(range(len(models)), [label(model, 24) for model in models])
        panel.set_ylim(len(models) - 0.5, -0.5)
        panel.xaxis.set_major_locator(_few())
    yield Drawn("strip", figure, rows)


def _few() -> object:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3)
