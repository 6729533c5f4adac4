"""A small objective with noise and dropout on made-up molecules; as a script, a run to kill or distribute."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from molbench.graph.molecules import MoleculeBatch
from molbench.spec.training import TrainingConfig
from molbench.training import StepReport, fit


class Toy(nn.Module):
    """Predicts each molecule's target from its atoms' distances to the origin, seen through noise."""

    def __init__(self, dropout: float = 0.1, noise: float = 0.1) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))
        self.unused = nn.Parameter(torch.ones(3))
        self.noise = noise

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        noise = torch.randn(batch.positions.shape, generator=generator, dtype=batch.positions.dtype)
        distances = (batch.positions + self.noise * noise).norm(dim=1, keepdim=True)
        atoms = self.net(distances).squeeze(1)
        molecules = atoms.new_zeros(batch.num_graphs).index_add(0, batch.molecule, atoms)
        loss = (molecules - batch.targets["y"].to(atoms.dtype)).square().mean()
        return loss, {"mse": loss.detach()}


class ToyLoader:
    """Like the project's loader: order is a function of (seed, epoch)."""

    def __init__(self, count: int, batch_size: int) -> None:
        rng = np.random.default_rng(3)
        self.positions = torch.tensor(rng.normal(size=(count, 4, 3)), dtype=torch.float32)
        self.targets = self.positions.double().norm(dim=2).sum(dim=1) - 5
        self.batch_size = batch_size

    def __len__(self) -> int:
        return len(self.targets) // self.batch_size

    def epoch(self, epoch: int, start: int = 0, stride: int = 1) -> Iterator[MoleculeBatch]:
        order = np.random.default_rng([5, epoch]).permutation(len(self.targets))
        for first in range(start * self.batch_size, len(self) * self.batch_size, stride * self.batch_size):
            yield self.batch(order[first : first + self.batch_size])

    def batch(self, rows: np.ndarray) -> MoleculeBatch:
        positions = self.positions[rows].reshape(-1, 3)
        ptr = torch.arange(len(rows) + 1) * 4
        return MoleculeBatch(
            torch.ones(len(positions), dtype=torch.int64), positions, ptr, {"y": self.targets[rows]}
        )


def config(**changes: Any) -> TrainingConfig:
    settings: dict[str, Any] = {"steps": 24, "batch_size": 4, "lr": 1e-2, "warmup_steps": 3, "seed": 11}
    return TrainingConfig(**(settings | changes))


def validation(module: nn.Module) -> float:
    with torch.no_grad():
        loader = ToyLoader(12, 12)
        return float(module.loss(next(loader.epoch(0)), torch.Generator().manual_seed(0))[0])  # type: ignore[operator]


def main() -> None:
    """``toy.py {"out": ..., "folder": ..., "kill": step, "signal": step, "devices": n, "config": {...}}``."""
    torch.set_num_threads(1)
    options = json.loads(sys.argv[1])

    def progress(report: StepReport) -> None:
        if report.step == options.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if report.step == options.get("signal"):
            os.kill(os.getpid(), signal.SIGINT)

    module = Toy(**options.get("toy", {}))
    report = fit(
        module,
        ToyLoader(options.get("records", 40), 4),
        config(**options.get("config", {})),
        folder=Path(options["folder"]) if "folder" in options else None,
        validate=validation if options.get("validate") else None,
        validate_every=5,
        progress=progress,
        accelerator="cpu",
        devices=options.get("devices", 1),
        save_seconds=options.get("save_seconds", 30.0),
    )
    if report.rank == 0:
        torch.save({"weights": module.state_dict(), "losses": report.losses}, options["out"])


if __name__ == "__main__":
    main()
