"""Results written by hand, with predictions whose errors are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import CheckpointEntry, Result, Stored, TaskEntry
from molbench.evaluation.score import score
from molbench.spec.tasks import Task

N = 200
TARGET = np.random.default_rng(0).normal(size=N)
METRICS_OF = {
    "forces": ["force_mae", "energy_mae", "force_rmse", "energy_rmse"],
    "spectrum": ["spectral_cosine", "spectrum_mae", "spectrum_rmse"],
}


def write_result(
    root: Path,
    model: str,
    task: str = "data/a",
    seed: int = 0,
    error: float = 0.5,
    *,
    kind: str = "regression",
    **changes: Any,
) -> Stored:
    """One result whose mean absolute error is about ``error``; ``changes`` replace fields of the entries."""
    rng = np.random.default_rng([abs(hash_of(model)), abs(hash_of(task)), seed])
    size = error * (0.5 + rng.random(N)) * rng.choice([-1, 1], N)
    ids, forces = [f"r{i}" for i in range(N)], None
    if kind == "forces":
        forces = ForcePredictions(
            np.repeat(TARGET, 3).astype(np.float32),
            np.repeat(TARGET + size, 3).astype(np.float32),
            np.arange(0, 3 * N + 1, 3),
            "kcal/mol/Å",
        )
    target, unit = TARGET, "kcal/mol"
    if kind == "spectrum":
        target, size, unit = np.abs(np.outer(TARGET, [1, 2, 3])), size[:, None], "1/eV"
    predictions = Predictions(ids, target, target + size, unit, forces)
    declaration = Task(
        kind=kind,
        target="a",
        metrics=METRICS_OF.get(kind, ["mae", "r2"]),
        unit="kcal/mol/Å" if kind == "forces" else unit,
        scheme="random",
        why="made by hand",
    )
    scratch = model.startswith("scratch-")
    checkpoint = {
        "name": model,
        "encoder_digest": f"{model}{seed if scratch else ''}",
        "scratch": scratch,
        "baseline": "scratch-b",
        "backbone": "b",
        "config": {},
        "method": None if scratch else "m",
        "method_config": {},
        "pretraining": {} if scratch else {"dataset": "elsewhere"},
    }
    entry = {
        "id": task,
        "dataset": task.partition("/")[0],
        "version": "1.0.0",
        "digest": "d",
        "scheme": "random",
        "split_digest": "s",
        "partial": False,
        "embedded": True,
        "declaration": declaration,
        "counts": {"train": 1, "validation": 1, "test": N},
    }
    result = {
        "key": f"{model}{task}{seed}",
        "code": "0.1.0/1",
        "protocol": load_protocol("probe"),
        "seed": seed,
        "metrics": score(declaration, predictions),
        "n": N,
        "warnings": [],
        "overlap": None,
        "seconds": {"run": rng.random()},
        "throughput": {},
        "environment": {},
        "date": None,
    }
    for name, value in changes.items():
        where = next(part for part in (result, checkpoint, entry) if name in part)
        where[name] = value
    folder = root / model / task / "probe" / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    predictions.write(folder / "predictions.parquet")
    Result(checkpoint=CheckpointEntry(**checkpoint), task=TaskEntry(**entry), **result).write(folder)
    return Stored.read(folder)


def hash_of(text: str) -> int:
    """A number that stays the same between processes."""
    return int.from_bytes(text.encode()[-4:])


@pytest.fixture
def write() -> Callable[..., Stored]:
    """Writes one result."""
    return write_result


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., None]:
    """Writes three seeds of a model on two tasks."""

    def write_all(
        model: str, error: float, tasks: tuple[str, ...] = ("data/a", "data/b"), **changes: Any
    ) -> None:
        for task in tasks:
            for seed in range(3):
                write_result(tmp_path, model, task, seed, error, **changes)

    return write_all
