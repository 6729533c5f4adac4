"""Results as they lie on disk, made by hand in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.evaluation.prediction_columns import CLUSTERS
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import CheckpointEntry, Result, Stored, TaskEntry
from molbench.evaluation.score import score
from molbench.spec.tasks import Task

TASK = Task.model_validate(
    {
        "target": "y",
        "metrics": ["mae"],
        "unit": "1",
        "scheme": "random",
        "schemes": ["random", "kfold"],
        "why": "w",
    }
)
PROBE = load_protocol("probe")


def made(
    errors: np.ndarray,
    model: str = "model",
    seed: int = 0,
    *,
    task: str = "d/t",
    scheme: str = "random",
    ids: list[str] | None = None,
    clusters: list[list[str]] | None = None,
    **checkpoint: Any,
) -> Stored:
    """A result whose absolute errors are given, [n]; ``scratch`` in a model's name makes it the baseline."""
    names = ids or [f"r{i}" for i in range(len(errors))]
    named = None if clusters is None else pa.array(clusters, CLUSTERS)
    predictions = Predictions(names, np.zeros(len(names)), np.asarray(errors, float), "1", None, named)
    scratch = "scratch" in model
    entry = {
        "name": model,
        "encoder_digest": model,
        "scratch": scratch,
        "baseline": "scratch",
        "backbone": "b",
        "config": {},
        "method": None if scratch else "m",
        "method_config": {},
        "pretraining": {},
    } | checkpoint
    result = Result(
        key=f"{model}{task}{seed}",
        code="0/2",
        checkpoint=CheckpointEntry(**entry),
        task=TaskEntry(
            id=task,
            dataset="d",
            version="1.0.0",
            digest="d",
            scheme=scheme,
            split_digest="s",
            partial=False,
            embedded=True,
            declaration=TASK,
            counts={},
        ),
        protocol=PROBE,
        seed=seed,
        metrics=score(TASK, predictions),
        n=len(names),
        warnings=[],
        overlap=None,
        seconds={},
        throughput={},
        environment={},
    )
    stored = Stored(Path(model) / task / str(seed), result)
    stored.__dict__["predictions"] = predictions
    return stored
