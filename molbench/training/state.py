"""All that a training run has to remember, and the file that remembers it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.training.ema import averaged_weights
from molbench.training.log import LOG
from molbench.training.saving import save_whole
from molbench.training.schedules import Schedule
from molbench.training.step import StepResult
from molbench.training.torch_file import read_torch

VERSION = 1
STATE = "state.pt"


@dataclass
class RunCounters:
    """Counters of a run.

    Attributes:
        step: Optimiser steps done.
        losses: Loss of every step.
        skipped: Steps left out because their gradient was not finite.
        streak: How many of those came last in a row.
        seconds: Time spent in steps, over all sittings.
        molecules: Molecules seen, over all processes.
        best: Lowest validation value so far.
        best_step: Steps done when it was reached.
        stalled: Validations since then.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    skipped: int = 0
    streak: int = 0
    seconds: float = 0.0
    molecules: int = 0
    best: float | None = None
    best_step: int | None = None
    stalled: int = 0


@dataclass
class State:
    """A run between two steps: weights, optimiser, schedule, average, counters and best weights.

    No random state is kept: the loop derives every draw from seed and step.
    """

    module: nn.Module
    optimizer: Optimizer
    schedule: Schedule
    average: AveragedModel | None
    progress: RunCounters = field(default_factory=RunCounters)
    best_weights: dict[str, Tensor] | None = None

    def advance(self, result: StepResult, seconds: float) -> None:
        """Take note of a step just taken."""
        if result.finite and self.average is not None:
            self.average.update_parameters(self.module)
        count = self.progress
        count.step += 1
        count.losses.append(result.loss)
        count.skipped += not result.finite
        count.streak = 0 if result.finite else count.streak + 1
        count.seconds += seconds
        count.molecules += result.molecules

    def observe(self, value: float) -> None:
        """Take note of a validation of the (averaged) weights as they are now, lower being better."""
        self.schedule.observe(value)
        if not value < (math.inf if self.progress.best is None else self.progress.best):
            self.progress.stalled += 1
            return
        self.progress.best, self.progress.best_step, self.progress.stalled = value, self.progress.step, 0
        with averaged_weights(self.module, self.average):
            self.best_weights = {
                name: v.detach().cpu().clone() for name, v in self.module.state_dict().items()
            }

    def finish(self) -> None:
        """Leave the module in evaluation mode with the best, else the averaged, else the last weights."""
        self.module.eval()
        if self.best_weights is not None:
            self.module.load_state_dict(self.best_weights)
        elif self.average is not None and self.progress.step > self.progress.skipped:
            self.module.load_state_dict(self.average.module.state_dict())

    def save(self, path: Path, conditions: Mapping[str, Any]) -> None:
        """Write everything to ``path``, whole or not at all."""
        content = {
            "version": VERSION,
            "identity": dict(conditions),
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "progress": vars(self.progress)
            | {"losses": torch.tensor(self.progress.losses, dtype=torch.float64)},
            "best_weights": self.best_weights,
        }
        with replace_file(path) as temporary:
            save_whole(content, temporary)

    def load(self, path: Path, conditions: Mapping[str, Any]) -> None:
        """Take up the run written to ``path``.

        Raises:
            UserError: If the file is damaged or belongs to a run with other ``conditions``.
        """
        content = _read(path, conditions)
        try:
            self.module.load_state_dict(content["module"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.schedule.load_state_dict(content["schedule"])
            if self.average is not None:
                self.average.load_state_dict(content["average"])
            self.progress = RunCounters(
                **content["progress"] | {"losses": content["progress"]["losses"].tolist()}
            )
            self.best_weights = content["best_weights"]
        except Exception as error:
            raise _damaged(path, error) from error


def steps_done(path: Path, conditions: Mapping[str, Any]) -> int:
    """Optimiser steps of the run written to ``path``.

    Raises:
        UserError: If the file is damaged or belongs to a run with other ``conditions``.
    """
    content = _read(path, conditions)
    try:
        return int(content["progress"]["step"])
    except Exception as error:
        raise _damaged(path, error) from error


def _read(path: Path, conditions: Mapping[str, Any]) -> dict[str, Any]:
    try:
        content: dict[str, Any] = read_torch(path)
        if content["version"] != VERSION:
            raise UserError(f"{path}: written by another version of the program; remove it to start afresh")
        if changed := changed_conditions(content["identity"], conditions):
            raise UserError(
                f"{path}: state of another run: {'; '.join(changed)}. Repeat the call with the settings "
                f"of that run to continue it, or remove {path.parent} to start afresh"
            )
    except UserError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error
    return content


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: damaged training state ({error}); remove it to start afresh")


def resume_conditions(
    module: nn.Module, config: Mapping[str, Any], processes: int, key: Mapping[str, Any]
) -> dict[str, Any]:
    """What must be the same for a run to be continued, as flat name to value."""
    shapes = [(name, list(value.shape)) for name, value in module.state_dict().items()]
    weights = hashlib.sha256(repr(shapes).encode()).hexdigest()[:12]
    return {**key, **config, "processes": processes, "weights": weights}


def remove_state(folder: Path) -> None:
    """Remove a run's files, and their folder unless something else lies in it."""
    for name in (STATE, LOG):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def changed_conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two flat mappings, each in words."""
    names = sorted(before.keys() | now.keys())
    pairs = [(name, before.get(name), now.get(name)) for name in names]
    return [f"{name} was {old}, is {new}" for name, old, new in pairs if old != new]
