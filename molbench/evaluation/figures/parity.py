"""Predictions against labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from molbench.evaluation.figures.canvas import COLOURS, GREY, Drawn, file_name, label, new_figure
from molbench.evaluation.figures.records import Shown
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.result import Stored

_COLUMNS, _MOST_POINTS = 4, 2000


def parity(shown: Shown) -> Iterator[Drawn]:
    """A figure a model, a panel a task: the mean prediction over seeds of each record with one value."""
    models: dict[str, dict[tuple[str, str], list[Stored]]] = {}
    for stored in shown.results:
        if stored.predictions.target.ndim == 1 and kind_of(stored.result.task.declaration).continuous:
            result = stored.result
            tasks = models.setdefault(result.checkpoint.name, {})
            tasks.setdefault((result.task.id, result.protocol.name), []).append(stored)
    for model, tasks in models.items():
        columns = min(_COLUMNS, len(tasks))
        lines = -(-len(tasks) // columns)
        figure = new_figure(2.1 * columns, 2.2 * lines)
        panels = figure.subplots(lines, columns, squeeze=False)
        for panel in panels.flat[len(tasks) :]:
            panel.set_axis_off()
        rows = []
        for ((task, protocol), runs), panel in zip(tasks.items(), panels.flat, strict=False):
            means = _means(runs)
            target, prediction = np.array([*means.values()]).T
            ends = [min(target.min(), prediction.min()), max(target.max(), prediction.max())]
            panel.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)
            few = np.random.default_rng(0).permutation(target.size)[:_MOST_POINTS]
            size = 8 if target.size < 500 else 3
            panel.scatter(target[few], prediction[few], s=size, alpha=0.5, color=COLOURS[0], linewidths=0)
            panel.set_title(label(task, 34))
            panel.set_xlabel(f"label, {runs[0].predictions.unit}")
            panel.set_ylabel("prediction")
            panel.set_aspect("equal", adjustable="datalim")
            panel.locator_params(nbins=4)
            rows += [
                {"model": model, "task": task, "protocol": protocol, "id": name, "target": t, "prediction": p}
                for name, (t, p) in means.items()
            ]
        yield Drawn(f"parity-{file_name(model)}", figure, rows)


def _means(runs: Sequence[Stored]) -> dict[str, tuple[float, float]]:
    """Record id to its label and the mean prediction."""
    collected: dict[str, list[tuple[float, float]]] = {}
    for stored in runs:
        predictions = stored.predictions
        for name, target, value in zip(
            predictions.ids, predictions.target, predictions.prediction, strict=True
        ):
            collected.setdefault(name, []).append((float(target), float(value)))
    return {name: (pairs[0][0], float(np.mean([p for _, p in pairs]))) for name, pairs in collected.items()}
