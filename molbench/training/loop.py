"""The training loop: Lightning Fabric for devices and precision, and a run that can be killed anywhere.

The weights after step s are a function of the starting weights, the data, the configuration and s alone. The
micro-batches of step s follow from a loader whose order is a function of (seed, epoch), and each draws from a
generator seeded by (seed, s, m), m = accumulation index * processes + rank. So a run taken up from its last
saved step repeats exactly what was lost, and n processes do what one does that accumulates n times as much.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from molbench.errors import UserError
from molbench.spec.training import TrainingConfig
from molbench.training.ema import average_of, averaged_weights
from molbench.training.interrupt import InterruptedTrainingError, stop_requests
from molbench.training.log import TrainingLog
from molbench.training.schedules import Schedule
from molbench.training.state import STATE, Progress, State, identity_of
from molbench.training.step import Batches, Stepper

#: So many steps in a row without a finite gradient, and the run is given up.
MAX_STREAK = 20


@dataclass(frozen=True)
class StepReport:
    """What a progress display needs after each step; ``seconds`` and ``molecules`` are totals."""

    step: int
    steps: int
    loss: float
    lr: float
    seconds: float
    molecules: int


@dataclass(frozen=True)
class FitReport:
    """How a run went.

    Attributes:
        steps: Optimiser steps done; fewer than the budget where patience ended.
        losses: Loss of every step, mean over micro-batches and processes.
        best: Lowest validation value, None without validation.
        best_step: Steps done when it was reached.
        skipped: Steps left out because their gradient was not finite.
        seconds: Time spent in steps; validation and files not counted.
        molecules: Molecules trained on, over all processes.
        rank: Number of this process; 0 is the one that writes files.
    """

    steps: int
    losses: tuple[float, ...]
    best: float | None
    best_step: int | None
    skipped: int
    seconds: float
    molecules: int
    rank: int

    @property
    def molecules_per_second(self) -> float:
        """Training throughput."""
        return self.molecules / self.seconds if self.seconds else 0.0


def fit(
    module: nn.Module,
    loader: Batches | Callable[[int, int], Batches],
    config: TrainingConfig,
    *,
    folder: Path | None = None,
    key: Mapping[str, Any] | None = None,
    validate: Callable[[nn.Module], float] | None = None,
    validate_every: int | None = None,
    patience: int | None = None,
    progress: Callable[[StepReport], None] | None = None,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    save_seconds: float = 30.0,
) -> FitReport:
    """Train ``module`` in place.

    Args:
        module: Has ``loss(batch, generator) -> (scalar, logs)``; the generator is on the CPU, whatever the
            device. The module is left in evaluation mode, on the device it was trained on, with the weights
            of the best validation where there was one, else the averaged ones where ``ema_decay`` is set,
            else the last.
        loader: Batches, or a function of (rank, number of processes) that makes each process its own.
        config: Optimiser, schedule and budget. Batch size is the loader's matter.
        folder: Where ``state.pt`` and ``log.jsonl`` are kept. A state found there is continued, and left
            there when the run is complete. Without a folder the run cannot be resumed.
        key: Name to value of whatever else the run depends on, such as data and starting weights; a state
            with another key is refused, naming what differs.
        validate: Value of the module, lower is better; the module is in evaluation mode and lent its averaged
            weights. Called on every process; the first one's value counts.
        validate_every: Steps between validations; the last step is always followed by one.
        patience: So many validations in a row without a new best end the training.
        progress: Called after every step, on the first process.
        accelerator: ``auto`` takes CUDA where it is, else the CPU.
        devices: Processes of data-parallel training on this machine. The running script is started again for
            each of them, so it must come to this call again.
        save_seconds: Time between saved states.

    Raises:
        InterruptedTrainingError: On SIGINT or SIGTERM, after the state was saved; only with a folder.
        UserError: If there is no batch, the state in ``folder`` is of another run, or training diverged.
        ValueError: If the plateau schedule or patience has no validation, several processes share one loader,
            or the module has nothing to train.
    """
    if (config.schedule == "plateau" or patience) and validate is None:
        raise ValueError("the plateau schedule and patience need a validation")
    fabric = _launch(config.precision, accelerator, devices)
    if callable(loader):
        loader = loader(fabric.global_rank, fabric.world_size)
    elif fabric.world_size > 1:
        raise ValueError("several processes need a function that makes each its own loader")
    if len(loader) == 0:
        raise UserError("no batch to train on: there are fewer records than one batch of all processes holds")
    with torch.random.fork_rng(devices=[]):
        stepper = Stepper(fabric, module, loader, config)
        average = average_of(module, config.ema_decay) if config.ema_decay else None
        state = State(module, stepper.optimizer, Schedule(config), average)
        identity = identity_of(module, config.model_dump(), fabric.world_size, key or {})
        path = folder / STATE if folder else None
        if path and path.is_file():
            state.load(path, identity)
        count, first = state.progress, fabric.is_global_zero
        module.train()
        stream, saved = stepper.stream(count.step), time.monotonic()
        with (
            TrainingLog(folder if first else None, count.step) as log,
            stop_requests(folder is not None) as stop,
        ):
            while count.step < config.steps and not _stalled(count, patience):
                started, lr = time.perf_counter(), state.schedule.lr(count.step)
                result = stepper.step(count.step, lr, stream, stop())
                state.advance(result, time.perf_counter() - started)
                log.write(count.step, loss=result.loss, lr=lr, seconds=round(count.seconds, 3), **result.logs)
                if first and progress:
                    progress(
                        StepReport(count.step, config.steps, result.loss, lr, count.seconds, count.molecules)
                    )
                if count.streak >= MAX_STREAK:
                    raise UserError(
                        f"training diverged: no finite gradient in the {MAX_STREAK} steps before step "
                        f"{count.step}; try a smaller lr, a longer warm-up or clip_norm"
                    )
                last = count.step == config.steps
                if validate and (last or (validate_every and count.step % validate_every == 0)):
                    value = _validate(fabric, state, validate)
                    log.write(count.step, validation=value)
                    last = last or _stalled(count, patience)
                if first and path and (last or result.stop or time.monotonic() - saved >= save_seconds):
                    log.flush()
                    state.save(path, identity)
                    saved = time.monotonic()
                if result.stop and not last:
                    fabric.barrier()  # a process that left now would end the one that still saves
                    raise InterruptedTrainingError(
                        f"stopped after step {count.step} of {config.steps}; the state is saved in {folder}. "
                        "Repeat the same call to continue"
                    )
        state.finish()
    return FitReport(
        count.step,
        tuple(count.losses),
        count.best,
        count.best_step,
        count.skipped,
        count.seconds,
        count.molecules,
        fabric.global_rank,
    )


def _stalled(count: Progress, patience: int | None) -> bool:
    return patience is not None and count.stalled >= patience


def _launch(precision: str, accelerator: str, devices: int) -> Fabric:
    # Fabric's own "auto" would take Apple's MPS, which has no float64 for the targets.
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    # An objective need not reach every weight: a backbone's last vector update, say, when scalars are read.
    strategy: Any = DDPStrategy(find_unused_parameters=True) if devices > 1 else "auto"
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def _validate(fabric: Fabric, state: State, validate: Callable[[nn.Module], float]) -> float:
    state.module.eval()
    with averaged_weights(state.module, state.average):
        value: float = fabric.broadcast(float(validate(state.module)))
    state.module.train()
    state.observe(value)
    return value
