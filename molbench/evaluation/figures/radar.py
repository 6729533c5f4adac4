"""Scores of all models over suites, or over datasets or tasks where there are fewer than three suites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.figures.canvas import COLOURS, Drawn, label, new_figure
from molbench.evaluation.figures.records import Shown, relative
from molbench.spec.catalogue import Catalogue

_FEWEST = 3


def radar(shown: Shown) -> Iterator[Drawn]:
    """Mean over the tasks of an axis of the best score's share that a model reaches; 1 is the best one here.

    Raises:
        UserError: If there are fewer than three tasks.
    """
    summaries = shown.summaries
    shares = relative(summaries)
    axes = _axes({*shares})
    models = list(dict.fromkeys(summary.candidate for summary in summaries))
    figure = new_figure(5.0, 4.0)
    panel = figure.subplots(subplot_kw={"projection": "polar"})
    angles = np.linspace(0, 2 * np.pi, len(axes), endpoint=False)
    rows = []
    for i, model in enumerate(models):
        values = []
        for name, tasks in axes.items():
            model_shares = [
                reached[model] for task, reached in shares.items() if task in tasks and model in reached
            ]
            values.append(float(np.mean(model_shares)) if model_shares else float("nan"))
            rows.append(
                {"model": model, "axis": name, "tasks": len(model_shares), "share_of_best": values[-1]}
            )
        colour = COLOURS[i % len(COLOURS)]
        panel.plot(
            [*angles, angles[0]],
            [*values, values[0]],
            color=colour,
            label=label(model, 24),
            marker="o",
            markersize=3,
        )
        panel.fill([*angles, angles[0]], [*values, values[0]], color=colour, alpha=0.06)
    panel.set_xticks(angles, [label(name, 20) for name in axes])
    panel.tick_params(axis="x", pad=16)
    panel.set_ylim(0, 1.05)
    panel.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", "1"])
    panel.grid(linewidth=0.4)
    panel.spines["polar"].set_visible(False)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside right center", fontsize="small")
    figure.supxlabel("share of the best score, mean over tasks", fontsize="medium")
    yield Drawn("radar", figure, rows)


def _axes(tasks: set[str]) -> Mapping[str, set[str]]:
    catalogue = Catalogue.load()
    suites = {name: {ref.id for ref in catalogue.tasks(suite=name)} & tasks for name in catalogue.suites}
    datasets: dict[str, set[str]] = {}
    for task in sorted(tasks):
        datasets.setdefault(task.partition("/")[0], set()).add(task)
    distinct = {name: members for name, members in suites.items() if members}
    by_content = {frozenset(members): name for name, members in reversed(distinct.items())}
    for axes in (
        {name: distinct[name] for name in by_content.values()},
        datasets,
        {task: {task} for task in sorted(tasks)},
    ):
        if len(axes) >= _FEWEST:
            return axes
    raise UserError(f"a radar needs three tasks, not {len(tasks)}")
