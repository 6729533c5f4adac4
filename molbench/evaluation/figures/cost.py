"""Score against cost, of one version of the measurement and one device at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.cost import RunCost
from molbench.evaluation.figures.canvas import COLOURS, GREY, Drawn, label, new_figure
from molbench.evaluation.figures.records import Shown, relative


def cost(shown: Shown) -> Iterator[Drawn]:
    """A point a model: mean share of the best score over tasks against records a second in inference.

    Costs of two versions or devices are not compared: each pair of them has a panel.

    Raises:
        UserError: If no result says what it cost.
    """
    groups: dict[tuple[int, str], dict[str, list[tuple[str, RunCost]]]] = {}
    for stored in shown.results:
        result = stored.result
        if result.cost is not None and result.cost.inference:
            models = groups.setdefault((result.cost.version, result.cost.device), {})
            runs = models.setdefault(shown.name(stored), [])
            runs.append((result.task.id, result.cost))
    if not groups:
        raise UserError("no result says what it cost; those of this version do: evaluate again")
    shares = relative(shown.summaries)
    figure = new_figure(3.6 * len(groups), 2.9)
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    rows = []
    for ((version, device), models), panel in zip(groups.items(), panels, strict=True):
        for i, (model, runs) in enumerate(models.items()):
            tasks = {task for task, _ in runs}
            score = float(np.mean([shares[task][model] for task in tasks]))
            speed = float(np.median([spent.inference for _, spent in runs if spent.inference]))
            panel.plot(speed, score, "o", color=COLOURS[i % len(COLOURS)], markersize=5)
            style = {"textcoords": "offset points", "fontsize": "small"}
            panel.annotate(label(model, 24), (speed, score), (5, 4), **style)
            rows.append(
                {
                    "model": model, "device": device, "cost_version": version, "tasks": len(tasks),
                    "share_of_best": score, "records_per_second": speed, "parameters": runs[0][1].parameters,
                }
            )  # fmt: skip
        panel.set_title(label(device, 48), color=GREY)
        panel.set_xlabel("records a second, inference")
        panel.set_ylabel("share of the best score")
        panel.set_xscale("log")
        panel.margins(0.25)
    yield Drawn("cost", figure, rows)
