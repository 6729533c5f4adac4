"""Reader of the reference outputs named by MOLBENCH_GOLDEN."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor


@dataclass(frozen=True)
class Golden:
    """One fixture: its sidecar and all its arrays by name."""

    info: dict[str, Any]
    arrays: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.arrays[name]

    def state(self, prefix: str) -> dict[str, Tensor]:
        """The stored weights below ``state.<prefix>``, without that prefix."""
        start = f"state.{prefix}"
        return {
            name.removeprefix(start): value for name, value in self.arrays.items() if name.startswith(start)
        }


def read_golden(folder: Path, fixture: str) -> Golden:
    """Read one fixture, with the arrays that are stored in other files."""
    info = json.loads((folder / f"{fixture}.json").read_text(encoding="utf-8"))
    arrays = _read(folder / f"{fixture}.safetensors", None)
    elsewhere = info.get("stored_elsewhere", {})
    for file in {place["file"] for place in elsewhere.values()}:
        names = {place["key"]: name for name, place in elsewhere.items() if place["file"] == file}
        stored = _read(folder / file, set(names))
        arrays |= {name: stored[key] for key, name in names.items()}
    # Two names of one array: both must be there.
    for name, place in elsewhere.items():
        if name not in arrays:
            arrays[name] = _read(folder / place["file"], {place["key"]})[place["key"]]
    return Golden(info, arrays)


def _read(path: Path, wanted: set[str] | None) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys() if wanted is None or key in wanted}  # noqa: SIM118


def tolerance(dtype: torch.dtype, *, loss: bool = False) -> dict[str, float]:
    """What the sidecars allow a reimplementation."""
    if dtype == torch.float64:
        return {"rtol": 1e-8, "atol": 1e-9}
    return {"rtol": 5e-4 if loss else 2e-4, "atol": 2e-5}
