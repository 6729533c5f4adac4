"""What a page needs to compare two models of a board by a paired test, without anybody's predictions."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import numpy as np

from molbench.evaluation.clusters import Clusters
from molbench.evaluation.repeats import Runs, TaskRecords
from molbench.leaderboard.table import Table
from molbench.site.evidence import Evidence
from molbench.site.overview import columns
from molbench.site.templating import slug

_LARGEST = 32767


def of_board(table: Table, evidence: Evidence) -> dict[str, Any]:
    """How errors of each task of a board are averaged, and how its test records hang together.

    What stands behind scores of a cross-validation is left out: its repeats belong together fold by fold.
    """
    errors, tasks = {}, {}
    for column in columns(table):
        errors[column.task] = {
            "lower": column.lower,
            "constant": table.constants.get(column.task),
            "weight": table.task_weights.get(column.task, 1.0),
        }
        if not any(key[0] == column.task for key in evidence.runs):
            continue
        records = evidence.records(column.task)
        if len(records.places) == 1:
            tasks[column.task] = {
                "metric": column.metric,
                "unit": column.unit,
                "lower": column.lower,
                **described_clusters(records.clusters),
            }
    return {"board": table.name, "folder": f"../data/{slug(table.name)}", "errors": errors, "tasks": tasks}


def described_clusters(clusters: Clusters) -> dict[str, Any]:
    """What sums over clusters need to become a variance."""
    return {
        "count": clusters.count,
        "margins": [int(margin.members.shape[1]) for margin in clusters.margins],
        "effective": clusters.effective,
        "overlap": clusters.overlap is not None,
    }


def of_model(runs: Runs, records: TaskRecords) -> dict[str, Any]:
    """One model on one task: its score, the score of each repeat, and sums over clusters of records."""
    measured = records.measure([runs])
    return {
        "mean": float(f"{float(measured.value):.9g}"),
        "repeats": [float(f"{value:.9g}") for value in measured.repeats],
        "sums": [_packed(sums) for sums in records.clusters.sums(measured.records)],
    }


def script(path: str, data: Any) -> str:
    """Data as a script that hands them to the page which asked for ``path``."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"molbench.data[{json.dumps(path)}]={text};\n"


def _packed(values: np.ndarray) -> dict[str, Any]:
    """Numbers as 16-bit shares of the largest: five digits of it, which no p-value sees."""
    scale = float(np.abs(values).max(initial=0.0)) / _LARGEST or 1.0
    steps = np.round(values / scale).astype("<i2")
    return {"scale": float(f"{scale:.9g}"), "values": b64encode(steps.tobytes()).decode("ascii")}
