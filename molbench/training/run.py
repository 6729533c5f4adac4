"""One sitting of a training run: from its last saved step to its end, or to where it is stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from molbench.errors import UserError
from molbench.spec.training import TrainingConfig
from molbench.training.ema import average_of, averaged_weights
from molbench.training.interrupt import InterruptedTrainingError, stop_requests
from molbench.training.log import TrainingLog
from molbench.training.schedules import Schedule
from molbench.training.state import STATE, State, remove_state, resume_conditions
from molbench.training.step import Batches, Stepper, StepResult
from molbench.training.without_compiler import Fabric

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


class TrainingRun:
    """What is trained, how far it is, and where that is saved.

    Args:
        fabric: Launched.
        module: What is trained, in place.
        batches: On what.
        config: How.
        folder: Where state and log are kept, if anywhere; a state found there is taken up.
        key: What else the run depends on.
        save_seconds: Time between saved states.

    Raises:
        UserError: If the state in ``folder`` is damaged or of another run.
        ValueError: If the module has nothing to train.
    """

    def __init__(  # noqa: PLR0917
        self,
        fabric: Fabric,
        module: nn.Module,
        batches: Batches,
        config: TrainingConfig,
        folder: Path | None,
        key: Mapping[str, Any],
        save_seconds: float,
    ) -> None:
        self._fabric, self._config, self._folder, self._save_seconds = fabric, config, folder, save_seconds
        self._stepper = Stepper(fabric, module, batches, config)
        average = average_of(module, config.ema_decay) if config.ema_decay else None
        self._state = State(module, self._stepper.optimizer, Schedule(config), average)
        self._conditions = resume_conditions(module, config.model_dump(), fabric.world_size, key)
        if folder and (folder / STATE).is_file():
            self._state.load(folder / STATE, self._conditions)
        self._saved = time.monotonic()

    def go(
        self,
        validate: Callable[[nn.Module], float] | None,
        validate_every: int | None,
        patience: int | None,
        progress: Callable[[StepReport], None] | None,
    ) -> None:
        """Take the steps that are left; the arguments are those of :func:`~molbench.training.loop.fit`."""
        count, config, first = self._state.progress, self._config, self._fabric.is_global_zero
        self._state.module.train()
        stream = self._stepper.stream(count.step)
        with (
            TrainingLog(self._folder if first else None, count.step) as log,
            stop_requests(self._folder is not None) as stop,
        ):
            while not (finished := self._finished(patience)):
                started, lr = time.perf_counter(), self._state.schedule.lr(count.step)
                result = self._stepper.step(count.step, lr, stream, stop())
                self._state.advance(result, time.perf_counter() - started)
                self._tell(result, lr, log, progress if first else None)
                self._refuse_divergence()
                if validate and (
                    count.step == config.steps or (validate_every and count.step % validate_every == 0)
                ):
                    self._validate(validate, log)
                finished = self._finished(patience)
                self._save(log, now=finished or result.stop)
                if result.stop and not finished:
                    self._fabric.barrier()  # a process that left now would end the one that still saves
                    raise InterruptedTrainingError(
                        f"stopped after step {count.step} of {config.steps}; the state is saved in "
                        f"{self._folder}. Repeat the same call to continue"
                    )
        self._refuse_untrained()
        self._state.finish()

    def report(self) -> FitReport:
        """How the run went so far."""
        count = self._state.progress
        return FitReport(
            count.step,
            tuple(count.losses),
            count.best,
            count.best_step,
            count.skipped,
            count.seconds,
            count.molecules,
            self._fabric.global_rank,
        )

    def _finished(self, patience: int | None) -> bool:
        count = self._state.progress
        return count.step >= self._config.steps or (patience is not None and count.stalled >= patience)

    def _tell(
        self,
        result: StepResult,
        lr: float,
        log: TrainingLog,
        progress: Callable[[StepReport], None] | None,
    ) -> None:
        count = self._state.progress
        log.write(count.step, loss=result.loss, lr=lr, seconds=round(count.seconds, 3), **result.logs)
        if progress:
            progress(
                StepReport(count.step, self._config.steps, result.loss, lr, count.seconds, count.molecules)
            )

    def _validate(self, validate: Callable[[nn.Module], float], log: TrainingLog) -> None:
        state = self._state
        state.module.eval()
        with averaged_weights(state.module, state.average):
            value: float = self._fabric.broadcast(float(validate(state.module)))
        state.module.train()
        state.observe(value)
        log.write(state.progress.step, validation=value)

    def _save(self, log: TrainingLog, *, now: bool) -> None:
        if self._folder is None or not self._fabric.is_global_zero:
            return
        if now or time.monotonic() - self._saved >= self._save_seconds:
            log.flush()
            self._state.save(self._folder / STATE, self._conditions)
            self._saved = time.monotonic()

    def _refuse_divergence(self) -> None:
        count = self._state.progress
        if count.streak >= MAX_STREAK:
            raise UserError(
                f"training diverged: no finite gradient in the {MAX_STREAK} steps before step {count.step}; "
                "try a smaller lr, a longer warm-up or clip_norm"
            )

    def _refuse_untrained(self) -> None:
        count = self._state.progress
        if not count.step or count.skipped < count.step:
            return
        if self._folder and self._fabric.is_global_zero:
            remove_state(self._folder)  # repeating the call would only find the same steps taken
        what = "gradient" if any(map(math.isfinite, count.losses)) else "loss"
        raise UserError(
            f"no step of {count.step} succeeded: every {what} was not finite, and nothing was learned. Look "
            "for atoms in one place and wrong labels in the data, or try a smaller lr"
        )
