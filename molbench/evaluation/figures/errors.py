"""Error by element, size, charge and scaffold of the test molecules."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.figures.canvas import COLOURS, Drawn, file_name, label, new_figure
from molbench.evaluation.figures.grouping import grouping
from molbench.evaluation.figures.records import Shown, by_task
from molbench.evaluation.statistics import half_width


def errors(shown: Shown) -> Iterator[Drawn]:
    """A figure a task: mean score of the records of each group, with 95 % intervals over records.

    Raises:
        UserError: If the dataset of a task is not built here.
    """
    for task in by_task(shown.results, shown.name):
        kinds = {
            kind: groups for kind, groups in grouping(task.task, task.ids).kinds.items() if len(groups) > 1
        }
        if not kinds:
            continue
        figure = new_figure(2.4 * len(kinds) + 0.6, 0.9 + 0.22 * max(map(len, kinds.values())))
        panels = figure.subplots(1, len(kinds), squeeze=False)[0]
        rows = []
        for (kind, groups), panel in zip(kinds.items(), panels, strict=True):
            names = list(groups)
            for i, (model, scores) in enumerate(task.scores.items()):
                for y, name in enumerate(names):
                    group_scores = scores[groups[name] & np.isfinite(scores)]
                    if group_scores.size < 2:
                        continue
                    mean = float(group_scores.mean())
                    n = group_scores.size
                    width = float(half_width([Clusters(n).component((group_scores - mean) / n)]))
                    offset = 0.6 * ((i + 0.5) / len(task.scores) - 0.5)
                    panel.errorbar(
                        mean, y + offset, xerr=width, fmt="o", markersize=3, elinewidth=0.9,
                        color=COLOURS[i % len(COLOURS)], label=label(model, 24) if y == 0 else None,
                    )  # fmt: skip
                    rows.append(
                        {
                            "task": task.task, "model": model, "by": kind,
                            "group": name, "mean": mean, "half_width": width, "n": n,
                        }
                    )  # fmt: skip
            counts = [int(groups[name].sum()) for name in names]
            ticks = [f"{label(name, 22)} ({count})" for name, count in zip(names, counts, strict=True)]
            panel.set_yticks(range(len(names)), ticks)
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.set_title(f"by {kind}")
            unit = "" if task.unit == "1" else f", {task.unit}"
            panel.set_xlabel(f"{task.metric}{unit}")
            panel.locator_params(axis="x", nbins=4)
        figure.suptitle(label(task.task))
        if len(task.scores) > 1:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside right upper", fontsize="small")
        yield Drawn(f"errors-{file_name(task.task)}", figure, rows)
