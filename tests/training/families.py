"""One small run of each family of methods; as a script, runs of all of them in two processes."""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from molbench.training import pretrain as room
from molbench.training.checkpoint import Checkpoint
from molbench.training.pretrain import pretrain

#: Steps of a run that is killed.
STEPS = 8
#: By the scheme "size" the first eight, which have fewer heavy atoms, are trained on.
SMILES = [
    *("CCO", "CCC", "CCN", "C1CC1", "CC=O", "CC#N", "CNC", "COC"),
    *("CCCO", "CCCC", "CCCN", "CCOC", "CCCCO", "CCCCC", "CCCCN", "CCCOC"),
]
PAINN = {"backbone": "painn", "settings": {"width": 8, "interactions": 2, "radial": 8}}
SCHNET = {"backbone": "schnet", "settings": {"width": 8, "filters": 8, "interactions": 2, "gaussians": 8}}
EGNN = {"backbone": "egnn", "settings": {"width": 8, "layers": 2}}
SPECTRA = {
    "spectra": {
        "uv": {"points": 131, "patch": 20, "stride": 20},
        "ir": {"points": 351, "patch": 50, "stride": 50},
        "raman": {"points": 351, "patch": 50, "stride": 50},
    },
    "spectrum_width": 8,
    "spectrum_layers": 1,
    "spectrum_heads": 2,
    "spectrum_hidden": 8,
}
PAIRS = {"projection": 8, "filters": 8, "interactions": 2, "gaussians": 8, "hidden": 8, "edge_hidden": 8}

FAMILIES: dict[str, dict[str, Any]] = {
    "geossl-ddm": PAINN,
    "geossl-ebm-nce": PAINN,
    "supervised": SCHNET | {"method": {"target": "size"}, "training": {"ema_decay": 0.9}},
    "emgp": EGNN,
    "graphmvp": EGNN,
    "joao": EGNN,
    "coord": PAINN | {"variant": "faithful"},
    "frad": PAINN,
    "slide": PAINN,
    "molspectra": PAINN | {"data": "xtb-spectra", "method": SPECTRA},
    "3dmrl": {"backbone": "cigin", "data": "xtb-solvation", "method": PAIRS | {"share": 0.02}},
}


def random_steps(name: str, count: int) -> list[int]:
    """Steps to be killed in, ascending; the same in every run of the tests."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return sorted(generator.choice(np.arange(1, STEPS + 1), count, replace=False).tolist())


def arguments(name: str, **training: Any) -> dict[str, Any]:
    """What ``pretrain`` is called with beside its output."""
    family = FAMILIES[name]
    common = {"batch_size": 2, "lr": 1e-3, "warmup_steps": 2, "schedule": "cosine"}
    return {
        "method": name,
        "data": family.get("data", "molecules"),
        "backbone": family["backbone"],
        "variant": family.get("variant", "intended"),
        "overrides": {
            "backbone": family.get("settings", {}),
            "method": family.get("method", {}),
            "training": common | family.get("training", {}) | training,
        },
        "accelerator": "cpu",
    }


def trained(name: str, output: Path, steps: int, devices: int = 1, **training: Any) -> dict[str, Tensor]:
    """Everything that a run has trained: backbone, heads and buffers."""
    tensors: dict[str, Tensor] = {}
    fit = room.fit

    def watched(module: torch.nn.Module, *positional: Any, **options: Any) -> Any:
        report = fit(module, *positional, **options)
        tensors.update(module.state_dict())
        return report

    room.fit = watched  # type: ignore[assignment]
    try:
        made: Checkpoint = pretrain(
            **arguments(name, **training), output=output, steps=steps, devices=devices
        )
    finally:
        room.fit = fit
    assert all(torch.equal(tensors[f"backbone.{key}"], value) for key, value in made.state_dict.items())
    return tensors


def comparable(name: str) -> dict[str, Any]:
    """Steps and settings under which two processes must do what one does.

    Eight records are three batches, so that every other step takes the last of one epoch, which is smaller,
    and the first of the next. JOAO moves its probabilities between the two, or in two processes after both.
    """
    return {"steps": 4, "precision": "64-true", "batch_size": 2 if name == "joao" else 3}


def main() -> None:
    """``families.py {"folder": ...}``: every family in two processes, weights to files."""
    torch.set_num_threads(1)
    options = json.loads(sys.argv[1])
    folder = Path(options["folder"])
    for name in FAMILIES:
        weights = trained(name, folder / f"{name}.pt", devices=2, **comparable(name))
        if os.environ.get("LOCAL_RANK", "0") == "0":
            torch.save(weights, folder / f"{name}.weights")


if __name__ == "__main__":
    main()
