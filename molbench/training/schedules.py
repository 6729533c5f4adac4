"""Learning rates as functions of the step, with a factor that falls when validation stalls."""

from __future__ import annotations

import math
from typing import Any

from molbench.spec.training import TrainingConfig


class Schedule:
    """Learning rate of one run: linear warm-up, then constant, cosine or plateau.

    * warm-up: step s of w has ``lr * (s + 1) / w``, so that the first step already moves;
    * cosine: ``min_lr + (lr - min_lr) / 2 * (1 + cos(pi * t))`` with t from 0 after the warm-up to 1 at the
      end (Loshchilov & Hutter, ICLR 2017, eq. 5, one cycle, taken per step);
    * plateau: ``lr`` times ``plateau_factor`` for every ``plateau_patience + 1`` validations in a row that do
      not improve on the best by a relative 1e-4, never below ``min_lr``.

    Only the plateau has memory; it is what ``state_dict`` holds.

    Args:
        config: Names the schedule and its constants.
    """

    THRESHOLD = 1e-4

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config
        self._level = config.lr
        self._best = math.inf
        self._stalled = 0

    def lr(self, step: int) -> float:
        """Learning rate of the update number ``step``, counted from 0."""
        config = self.config
        if step < config.warmup_steps:
            return self._level * (step + 1) / config.warmup_steps
        if config.schedule == "cosine":
            progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
            return config.min_lr + (config.lr - config.min_lr) / 2 * (1 + math.cos(math.pi * progress))
        return self._level

    def observe(self, value: float) -> None:
        """Tell the schedule a validation value, lower being better."""
        if self.config.schedule != "plateau":
            return
        if value < self._best * (1 - math.copysign(self.THRESHOLD, self._best)):
            self._best, self._stalled = value, 0
            return
        self._stalled += 1
        if self._stalled > self.config.plateau_patience:
            self._level = max(self._level * self.config.plateau_factor, self.config.min_lr)
            self._stalled = 0

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept to go on later."""
        return {"level": self._level, "best": self._best, "stalled": self._stalled}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where ``state`` was written."""
        self._level, self._best, self._stalled = state["level"], state["best"], state["stalled"]
