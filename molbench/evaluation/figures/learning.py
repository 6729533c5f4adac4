"""Scores against the number of labelled training records, where a target has splits of several sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.evaluation.figures.canvas import COLOURS, Drawn, label, new_figure
from molbench.evaluation.figures.records import Shown
from molbench.evaluation.result import Stored
from molbench.evaluation.summary import SummaryRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4


@dataclass(frozen=True)
class _Point:
    panel: str
    model: str
    protocol: str
    task: str
    records: int
    score: float
    half_width: float | None
    metric: str
    unit: str


def learning(shown: Shown) -> Iterator[Drawn]:
    """A panel a target and protocol, a line a model.

    Raises:
        UserError: If no target was scored with more than one number of training records.
    """
    panels = _panels(shown.results, shown.summaries)
    if not panels:
        raise UserError(
            "no target was scored on splits of several sizes, such as `md17/aspirin@50` and `md17/aspirin`; "
            "`molbench study learning-curve` trains on parts of one split"
        )
    columns = min(_COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    figure: Figure = new_figure(2.6 * columns + 1.0, 2.2 * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    for panel in grid.flat[len(panels) :]:
        panel.set_axis_off()
    models = list(dict.fromkeys(point.model for points in panels.values() for point in points))
    for (name, points), panel in zip(panels.items(), grid.flat, strict=False):
        for model in dict.fromkeys(point.model for point in points):
            curve = sorted((point for point in points if point.model == model), key=lambda one: one.records)
            panel.errorbar(
                [point.records for point in curve], [point.score for point in curve],
                yerr=[point.half_width or 0.0 for point in curve], marker="o", markersize=3,
                color=COLOURS[models.index(model) % len(COLOURS)], label=label(model, 24),
            )  # fmt: skip
        unit = "" if points[0].unit == "1" else f", {points[0].unit}"
        panel.set_title(label(name, 34))
        panel.set_xscale("log")
        panel.set_xlabel("training records")
        panel.set_ylabel(f"{points[0].metric}{unit}")
    grid[0, 0].legend(fontsize="small")
    yield Drawn("learning", figure, [_row(point) for points in panels.values() for point in points])


def _panels(results: Sequence[Stored], cells: Sequence[SummaryRow]) -> dict[str, list[_Point]]:
    """Points of each target that has several numbers of training records."""
    tasks = {stored.result.task.id: stored.result.task for stored in results}
    panels: dict[str, list[_Point]] = {}
    for cell in cells:
        task = tasks[cell.task]
        if not (records := task.counts.get("train", 0)):
            continue
        name = f"{cell.task.partition('@')[0]}, {cell.protocol}"
        panels.setdefault(name, []).append(
            _Point(
                name,
                cell.candidate,
                cell.protocol,
                cell.task,
                records,
                cell.mean,
                cell.half_width,
                cell.metric,
                cell.unit,
            )
        )
    return {name: points for name, points in panels.items() if len({point.records for point in points}) > 1}


def _row(point: _Point) -> dict[str, object]:
    return {name: value for name, value in vars(point).items() if name != "panel"}
