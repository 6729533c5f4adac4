"""Measured points of a study, kept as they come so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import molbench
from molbench.evaluation import EVALUATION_VERSION
from molbench.spec.catalogue import TaskRef


def mean_and_spread(task: TaskRef, scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Metric, unit, mean and standard deviation over seeds of points of a task, as columns of a table."""
    values = [float(score["value"]) for score in scores]
    return {
        "metric": task.task.metrics[0],
        "unit": scores[0]["unit"],
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "seeds": len(values),
    }


class Points:
    """Results by what they depend on, in ``points.jsonl`` of a study's folder.

    Args:
        folder: The study's folder; made with the first point where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "points.jsonl"
        self._known: dict[str, dict[str, Any]] = {}
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:
                    continue  # the line that was being written when the study was stopped
                self._known[entry["key"]] = entry["point"]

    def get(self, depends: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The point that depends on ``depends`` and the code alone; computed if it is not known."""
        text = json.dumps([depends, molbench.__version__, EVALUATION_VERSION], sort_keys=True, default=str)
        key = sha256(text.encode()).hexdigest()
        if key not in self._known:
            point = dict(compute())
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "point": point}) + "\n")
            self._known[key] = point
        return self._known[key]
