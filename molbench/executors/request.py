"""Which executor is asked for, and what it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from molbench.errors import UserError, quoted
from molbench.executors import EXECUTORS
from molbench.executors.base import DEVICES, Executor


@dataclass(frozen=True)
class ExecutorRequest:
    """An executor, and how it spreads the work.

    Attributes:
        executor: Where runs are executed: inline (this process), local (others on this machine, the default),
            ray or slurm.
        workers: Runs at once. Default: one a processor, or one an accelerator where there are some.
        time_limit: Seconds after which a run is given up.
        retries: How often a run is tried again whose process was lost.
        options: What only some executor knows, such as partition=gpu.
    """

    executor: str | None = None
    workers: Annotated[int | None, Ge(1)] = None
    time_limit: Annotated[float | None, Ge(1)] = None
    retries: Annotated[int, Ge(0)] = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def here_if_one(self) -> bool:
        """Whether a single piece of work may be done in this process, which nobody can end or try again."""
        return self.executor is None and self.time_limit is None and not self.retries

    def check(self) -> None:
        """Refuse what cannot work, without importing anything heavy.

        Raises:
            UserError: If there is no executor of the name, a number is none, it lacks a package, an option is
                none of its own, or what executes the work is not there.
        """
        for name, value, kinds, least in (
            ("workers", self.workers, int, 1),
            ("time_limit", self.time_limit, int | float, 1),
            ("retries", self.retries, int, 0),
        ):
            if value is not None and not (isinstance(value, kinds) and value >= least):
                raise UserError(f"{name} {quoted(str(value))}: a number from {least} on is needed")
        if self.executor is not None and not EXECUTORS[self.executor].apart:
            here = f"executor '{self.executor}'"
            if self.time_limit is not None:
                raise UserError(f"{here} cannot give up a run: a time limit needs another")
            if self.retries:
                raise UserError(f"{here} has no process to lose: retries need another")
        self._made(()).require()

    def make(self) -> Executor:
        """The executor; on a machine with accelerators one worker each, by default.

        Raises:
            UserError: See :meth:`check`.
        """
        self.check()
        import torch

        count = torch.cuda.device_count()
        visible = os.environ.get(DEVICES)  # of these torch counts from 0, and a worker needs their own names
        devices = tuple(visible.split(",")[:count] if visible else map(str, range(count)))
        return self._made(devices)

    def _made(self, devices: tuple[str, ...]) -> Executor:
        return EXECUTORS[self.executor or "local"](
            workers=self.workers or len(devices) or None,
            time_limit=self.time_limit,
            retries=self.retries,
            devices=devices,
            options=self.options,
        )
