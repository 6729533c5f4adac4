"""A small submission: predictions made by hand for the toy datasets, packed as a user would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from molbench.errors import UserError
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from molbench.spec.submission import Predicted
from molbench.submission.folder import described_file
from molbench.submission.predictions import write_predictions
from molbench.submission.rescore import rescore

TASKS = ("toy/size", "toy/mass", "toy/ring", "toy-frames/co")
SEEDS = (0, 1, 2)


def write_submission(
    root: Path,
    model: str = "good",
    family: str = "schnet",
    error: float = 0.1,
    tasks: tuple[str, ...] = TASKS,
    protocol: str = "probe",
    trust: Trust | None = None,
    **changes: Any,
) -> Path:
    """Write ``<root>/<family>/<model>`` with predictions that miss by ``error`` of the labels' spread."""
    trust, folder = trust or Trust(Catalogue.load()), root / family / model
    entries = []
    for task in tasks:
        predictions = {seed: _predictions(trust, task, seed, error, model) for seed in SEEDS}
        path = folder / "predictions" / task / f"{protocol}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_predictions(path, predictions)
        entries.append(_entry(folder, path, task, protocol, predictions, trust))
    card = {
        "model": model,
        "name": model.title(),
        "backbone": "schnet",
        "scratch": model.startswith("scratch-"),
        "parameters": 1000,
        "licence": "CC-BY-4.0",
        "authors": ["A. Author"],
        "commit": "a" * 40,
        "weights": {"encoder_digest": f"{abs(hash(model)):064x}"[:64].replace("-", "0")},
        "predictions": entries,
    } | changes
    write_card(folder, card)
    return folder


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``submission.yaml``."""
    text = yaml.safe_dump(dict(card), sort_keys=False, allow_unicode=True)
    (folder / "submission.yaml").write_text(text, encoding="utf-8")


def read_card(folder: Path) -> dict[str, Any]:
    """Read ``submission.yaml``."""
    card: dict[str, Any] = yaml.safe_load((folder / "submission.yaml").read_text(encoding="utf-8"))
    return card


def repack(
    folder: Path, number: int, change: Callable[[dict[int, Predictions]], dict[int, Predictions]]
) -> None:
    """Change the predictions of one task, and have the card say what the new file is."""
    from molbench.submission.predictions import read_predictions

    card = read_card(folder)
    entry = card["predictions"][number]
    path = folder / entry["file"]
    given = read_predictions(path, Predicted(**entry), 10_000)
    write_predictions(path, change(given))
    entry |= described_file(path, folder)
    write_card(folder, card)


def _predictions(trust: Trust, task: str, seed: int, error: float, model: str) -> Predictions:
    ref = trust._task(task, seed)
    test = trust._test(ref)
    rng = np.random.default_rng([sum(model.encode()), seed, len(test.row_of)])
    spread = float(test.target.std()) or 1.0
    values = test.target + error * spread * rng.normal(size=test.target.shape)
    forces = test.forces
    if forces is not None:
        noise = error * forces.target.std() * rng.normal(size=forces.target.shape)
        forces = replace(forces, prediction=(forces.target + noise).astype(np.float32))
    return Predictions(list(test.row_of), np.zeros_like(values), values, ref.unit, forces)


def _entry(
    folder: Path, path: Path, task: str, protocol: str, given: dict[int, Predictions], trust: Trust
) -> dict[str, Any]:
    ref, data, _ = trust.join(task, 0, given[0])
    forces = given[0].forces
    entry = {
        "task": task,
        "protocol": protocol,
        "unit": ref.unit,
        **({"force_unit": forces.unit} if forces else {}),
        "seeds": list(given),
        "value": 0.0,
        "split": data.split,
        **described_file(path, folder),
    }
    return entry | {"value": said(path, entry, trust)}


def said(path: Path, entry: dict[str, Any], trust: Trust) -> float:
    """What predictions score, from the message that a wrong number is refused with."""
    try:
        return rescore(path, Predicted(**entry | {"value": 0.0}), trust)[0].mean
    except UserError as error:
        gives = re.search(r"its predictions give ([-\d.e+]+)", str(error))
        return float(gives[1]) if gives else 0.0
