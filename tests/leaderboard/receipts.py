"""Submissions with receipts of made-up scores, for boards of many models without any predictions."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from molbench.spec.submission import Submission
from molbench.submission.folder import CARD, RECEIPT, digest_of
from molbench.submission.receipt import Receipt, TaskScore
from molbench.submission.replicates import packed, replicates

RECORDS = 100


def task_score(model: str, task: str, error: float, seeds: int = 3, *, noise: float = 0.02) -> TaskScore:
    """A score of about ``error``; half of what test records do is shared by all models."""
    rng = np.random.default_rng(list(f"{model} {task}".encode()))
    shared = np.random.default_rng(list(task.encode())).normal(size=RECORDS)
    contributions = error * (shared + 0.3 * rng.normal(size=RECORDS)) / RECORDS
    values = (error * (1 + noise * rng.normal(size=seeds))).tolist()
    names = [[f"r{i}"] for i in range(RECORDS)]
    return TaskScore(
        task=task,
        version="1.0",
        protocol="probe",
        protocol_version=1,
        metric="mae",
        metric_version=1,
        unit="meV",
        direction="lower",
        seeds=list(range(seeds)),
        values=values,
        constant=1.0,
        replicates=packed(replicates(task.partition("/")[0], names, contributions)),
        half_width=0.1 * error,
        records=RECORDS,
        clusters=float(RECORDS),
        few=False,
        content=sha256(f"{model} {task}".encode()).hexdigest(),
        data=("0" * 64, "1" * 64),
    )


def submit(
    root: Path, model: str, task_scores: list[TaskScore], *, family: str = "made", **changes: Any
) -> Path:
    """Write ``<root>/<family>/<model>`` with a card and a receipt of these scores."""
    folder = root / family / model
    folder.mkdir(parents=True, exist_ok=True)
    tier, speed = changes.pop("tier", "re-scored"), changes.pop("speed", None)
    card = {
        "model": model,
        "name": model,
        "backbone": "schnet",
        "scratch": model.startswith("scratch-"),
        "parameters": 1000,
        "licence": "CC0-1.0",
        "authors": ["A"],
        "commit": "a" * 40,
        "weights": {"encoder_digest": "b" * 64},
        "predictions": [
            {
                "task": one.task,
                "protocol": one.protocol,
                "unit": "eV",
                "seeds": one.seeds,
                "split": one.data[1],
                "value": one.mean,
                "url": "https://example.org/x",
                "size": 1,
                "sha256": one.content,
                **({"speed": speed} if speed else {}),
            }
            for one in task_scores
        ],
    } | changes
    if tier == "reported":
        del card["commit"]
    Submission.model_validate(card)
    (folder / CARD).write_text(yaml.dump(card, Dumper=yaml.CSafeDumper, sort_keys=False))
    versions = {"molbench": "0.1.0", "evaluation": "2"}
    receipt = Receipt(
        submission=f"{family}/{model}",
        card=digest_of(folder / CARD),
        tier=tier,
        versions=versions,
        task_scores=task_scores,
    )
    receipt.sealed("2026-01-01").write(folder / RECEIPT)
    return folder
