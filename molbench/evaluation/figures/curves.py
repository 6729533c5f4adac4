"""Training curves from the logs that lie beside results."""

from __future__ import annotations

import json
from collections.abc import Iterator

from molbench.errors import UserError
from molbench.evaluation.figures.canvas import COLOURS, Drawn, label, new_figure
from molbench.evaluation.figures.records import Shown
from molbench.evaluation.result import Stored
from molbench.training.log import LOG

_COLUMNS = 3


def curves(shown: Shown) -> Iterator[Drawn]:
    """A panel a task: training loss as thin lines, validation as thick ones, a colour a model.

    Raises:
        UserError: If no result has a log, as those of frozen encoders have none.
    """
    logged = [stored for stored in shown.results if (stored.folder / LOG).is_file()]
    if not logged:
        raise UserError("no result has a training log; models that are fine-tuned have one")
    tasks = list(dict.fromkeys(stored.result.task.id for stored in logged))
    models = list(dict.fromkeys(stored.result.checkpoint.name for stored in logged))
    columns = min(_COLUMNS, len(tasks))
    lines = -(-len(tasks) // columns)
    figure = new_figure(2.8 * columns, 2.2 * lines + 0.3)
    panels = figure.subplots(lines, columns, squeeze=False)
    for panel in panels.flat[len(tasks) :]:
        panel.set_axis_off()
    rows = []
    for stored in logged:
        result = stored.result
        i, model = tasks.index(result.task.id), models.index(result.checkpoint.name)
        panel, colour = panels.flat[i], COLOURS[model % len(COLOURS)]
        for name, width, alpha in (("loss", 0.6, 0.5), ("validation", 1.4, 1.0)):
            points = _points(stored, name)
            panel.plot(
                *zip(*points, strict=True), color=colour, linewidth=width, alpha=alpha
            ) if points else None
            rows += [
                {
                    "task": result.task.id, "model": result.checkpoint.name, "protocol": result.protocol.name,
                    "seed": result.seed, "curve": name, "step": step, "value": value,
                }
                for step, value in points
            ]  # fmt: skip
    for task, panel in zip(tasks, panels.flat, strict=False):
        panel.set_title(label(task, 34))
        panel.set_xlabel("step")
        panel.set_yscale("log")
    panels[0, 0].set_ylabel("loss")
    for model, name in enumerate(models):
        panels[0, 0].plot([], [], color=COLOURS[model % len(COLOURS)], label=label(name, 24))
    panels[0, 0].legend(fontsize="small")
    yield Drawn("curves", figure, rows)


def _points(stored: Stored, name: str) -> list[tuple[int, float]]:
    points = []
    for text in (stored.folder / LOG).read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
            if isinstance(line.get(name), int | float):
                points.append((int(line["step"]), float(line[name])))
        except (ValueError, KeyError, AttributeError, TypeError):
            continue  # a line that somebody else wrote
    return points
