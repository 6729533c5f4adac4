"""Actors of a Ray cluster, or of Ray on this machine where no cluster is named."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from typing_extensions import override

from molbench.errors import UserError, quoted
from molbench.executors.base import (
    Attempts,
    Done,
    Executor,
    InterruptedWorkError,
    Message,
    Unit,
    perform_unit,
)
from molbench.executors.interpreter import import_path
from molbench.paths import DATASETS_VARIABLE, dataset_folders, home

_TICK = 0.5
#: Seconds in which a cluster answers.
_REACH = 10.0
#: Addresses that say nothing of where a cluster is.
_FOUND_BY_RAY = {"auto", "local"}


class Ray(Executor):
    """One actor a worker, each with a processor of its own; the machines must see the same files.

    Training steps are not told.
    """

    name = "ray"
    needs = ("ray",)
    known: ClassVar[Mapping[str, str]] = {
        "address": "Of a running cluster, ray://host:10001 or auto; a local one is started by default.",
        "cpus": "Processors of one worker.",
        "gpus": "Accelerators of one worker.",
    }

    counts: ClassVar[Mapping[str, type[int] | type[float]]] = {"cpus": float, "gpus": float}

    def __post_init__(self) -> None:
        """See :class:`Executor`."""
        super().__post_init__()
        address = self.options.get("address", "auto")
        if address not in _FOUND_BY_RAY and not re.fullmatch(r"(ray://)?[^/\s]+:\d{1,5}", address):
            raise UserError(
                f"option 'address' of executor '{self.name}': {quoted(address)} is no address: write "
                "ray://host:10001, host:6379, auto or local"
            )

    @override
    def require(self) -> None:
        if "address" in self.options:
            _require_reachable(self.options["address"])

    def run(
        self,
        groups: Sequence[Sequence[Unit]],
        listen: Callable[[str, Message], None] = lambda _key, _message: None,  # noqa: ARG002
    ) -> Generator[Done, None, None]:
        """See :meth:`Executor.run`."""
        import ray

        started = not ray.is_initialized()
        if started:
            self._start()
        try:
            yield from self._run(groups)
        finally:
            if started:
                ray.shutdown()

    def _start(self) -> None:
        import ray

        self.require()
        address = self.options.get("address")
        try:
            # Workers of Ray look for every import in the working folder first, unless they are given another.
            with tempfile.TemporaryDirectory() as empty:
                ray.init(
                    address=address,
                    num_cpus=None if address else self.workers,
                    runtime_env={"working_dir": empty, "env_vars": _variables()},
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="error",
                )
        except Exception as error:  # Ray raises what comes, plain Exception where the machine is too busy
            ray.shutdown()
            raise UserError(f"Ray did not start: {' '.join(str(error).split())[:300]}") from error

    def _run(self, groups: Sequence[Sequence[Unit]]) -> Generator[Done, None, None]:
        import ray

        waiting = deque(deque(group) for group in groups if group)
        count = min(self.workers or int(ray.cluster_resources().get("CPU", 1)), len(waiting))
        attempts = Attempts(1 + self.retries)
        busy: dict[Any, _RayWorker] = {}
        while waiting or busy:
            while waiting and len(busy) < count:
                self._next(_RayWorker(self._actor(), waiting.popleft()), busy, attempts)
            ready, _ = ray.wait(list(busy), timeout=_TICK)
            for worker in [worker for worker in busy.values() if self._is_late(worker)]:
                worker.given_up = True
                ray.kill(worker.actor)
            for reference in ready:
                worker = busy.pop(reference)
                lost = yield from self._end(reference, worker, attempts)
                if lost and worker.group:
                    waiting.appendleft(worker.group)
                    continue
                if not lost and not worker.group and waiting:
                    worker.group = waiting.popleft()
                if worker.group:
                    self._next(worker, busy, attempts)

    def _end(self, reference: Any, worker: _RayWorker, attempts: Attempts) -> Generator[Done, None, bool]:
        """Yield how a unit ended, unless it is tried again; returns whether the actor is lost."""
        import ray

        try:
            yield Done(**ray.get(reference))
        except ray.exceptions.RayActorError as error:
            if worker.given_up:
                yield Done(worker.unit.key, error=f"took longer than the limit of {self.time_limit:g} s")
            elif attempts.left(worker.unit):
                worker.group.appendleft(worker.unit)
            else:
                reason = " ".join(str(error).split())[:200]
                yield Done(worker.unit.key, error=f"its process was lost; perhaps memory ran out ({reason})")
            return True
        except ray.exceptions.RayError as error:
            yield Done(worker.unit.key, error=f"Ray: {' '.join(str(error).split())[:300]}")
        return False

    def _next(self, worker: _RayWorker, busy: dict[Any, _RayWorker], attempts: Attempts) -> None:
        worker.unit, worker.since = worker.group.popleft(), time.monotonic()
        attempts.start(worker.unit)
        busy[worker.actor.execute.remote(asdict(worker.unit))] = worker

    def _actor(self) -> Any:
        import ray

        options = {
            "num_cpus": float(self.options.get("cpus", 1)),
            "num_gpus": float(self.options.get("gpus", 0)),
        }
        return ray.remote(_Actor).options(**options).remote()

    def _is_late(self, worker: _RayWorker) -> bool:
        return self.time_limit is not None and time.monotonic() - worker.since > self.time_limit


class _Actor:
    """Executes units where Ray put it."""

    def execute(self, unit: dict[str, Any]) -> dict[str, Any]:
        """A unit, as a plain mapping, to how it ended."""
        made = Unit(**unit)
        try:
            return asdict(perform_unit(made, lambda _message: None))
        except InterruptedWorkError as error:
            return asdict(Done(made.key, error=str(error)))


class _RayWorker:
    """An actor, the unit it is at, and the rest of its group."""

    def __init__(self, actor: Any, group: deque[Unit]) -> None:
        self.actor, self.group = actor, group
        self.unit = group[0]
        self.since = time.monotonic()
        self.given_up = False


def _variables() -> dict[str, str]:
    """Where workers find modules and data, whatever folder they work in."""
    folders = os.pathsep.join(str(folder.absolute()) for folder in dataset_folders())
    return {"PYTHONPATH": import_path(), "MOLBENCH_HOME": str(home().absolute()), DATASETS_VARIABLE: folders}


def _require_reachable(address: str) -> None:
    """Raise UserError unless somebody listens at an address; Ray would try for minutes."""
    if address in _FOUND_BY_RAY:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_REACH).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"no Ray cluster at {quoted(address)}: {error}") from error
