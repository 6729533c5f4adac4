"""Predictions of one task as a picture: over their labels, or by class, or as curves."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import Predictions
from molbench.numbers import plain
from molbench.site.plots import curve, histogram, parity_plot
from molbench.spec.tasks import Task

#: Points that a picture shows; of more, evenly spaced ones in the order of their labels.
_POINTS = 300


def picture(task: Task, predictions: Predictions) -> tuple[Markup, str]:
    """What suits the shape of what was predicted, and what it shows in words."""
    if predictions.target.ndim == 2:
        means = [
            ("predictions", predictions.prediction.mean(axis=0)),
            ("labels", predictions.target.mean(axis=0)),
        ]
        return curve(
            means, "Mean predicted spectrum over the mean of the labels"
        ), "mean of predictions, labels in grey"
    if not kind_of(task).continuous:
        groups = [
            (f"class {label}", predictions.prediction[predictions.target == label])
            for label in np.unique(predictions.target)
        ]
        return histogram(
            groups, "", "Predicted probabilities of both classes"
        ), "probability of class 1; class 1 as a line"
    compared = predictions.forces or predictions
    order = np.argsort(compared.target, kind="stable")
    rows = order[np.linspace(0, len(order) - 1, min(len(order), _POINTS)).astype(int)]
    what = "force components" if predictions.forces else "predictions"
    plot = parity_plot(compared.target[rows], compared.prediction[rows], f"{what} over labels")
    ends = " to ".join(plain(float(end), 3) for end in (compared.target.min(), compared.target.max()))
    unit = "" if compared.unit == "1" else f" {compared.unit}"
    return plot, f"{what} over labels, {ends}{unit}"
