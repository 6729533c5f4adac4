"""Processes on this machine, with the processor's threads shared out between them.

Models of this field are small: two processes with one thread each do far more than one process with two.
Workers are programs of their own, not started by ``multiprocessing``, which would execute the user's script
again in each of them: scripts need no ``if __name__ == "__main__"``, and one read from standard input works.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from molbench.executors.base import DEVICES, Attempts, Done, Executor, Message, Unit
from molbench.executors.interpreter import import_environment, run_module

#: Seconds in which workers that are asked to end may save what they need to continue.
_GRACE = 20.0
_TICK = 0.5
_LOG = 4096


class Local(Executor):
    """As many processes as processors, or workers asked for; a process that is lost costs one unit."""

    name = "local"

    def run(
        self,
        groups: Sequence[Sequence[Unit]],
        listen: Callable[[str, Message], None] = lambda _key, _message: None,
    ) -> Generator[Done, None, None]:
        """See :meth:`Executor.run`."""
        waiting = deque(deque(group) for group in groups if group)
        count = max(1, min(self.workers or processors(), len(waiting)))
        threads = max(1, processors() // count)
        events: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]] = queue.SimpleQueue()
        attempts = Attempts(1 + self.retries)
        workers: set[_Worker] = set()
        try:
            while waiting or workers:
                while waiting and len(workers) < count:
                    workers.add(
                        _Worker(self._variables(threads, workers), waiting.popleft(), events, attempts)
                    )
                self._give_up_slow(workers)
                try:
                    worker, event = events.get(timeout=_TICK)
                except queue.Empty:
                    continue
                if event is None:
                    workers.discard(worker)
                    worker.wait(_GRACE)
                    yield from self._retry_or_fail(worker, attempts)
                    if worker.group:
                        waiting.appendleft(worker.group)
                elif "done" in event:
                    yield Done(**event["done"])
                    if not worker.group and waiting:
                        worker.group = waiting.popleft()
                    worker.next()
                elif worker.unit is not None:
                    listen(worker.unit.key, event["message"])
        finally:
            _end(workers)

    def _variables(self, threads: int, workers: set[_Worker]) -> dict[str, str]:
        """The worker imports what this process could, and keeps to its share of threads and devices."""
        numbers = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        variables = {**import_environment(), **numbers}
        if self.devices:
            taken = [worker.device for worker in workers]
            variables[DEVICES] = min(self.devices, key=taken.count)
        return variables

    def _give_up_slow(self, workers: set[_Worker]) -> None:
        for worker in workers:
            if self.time_limit is not None and worker.seconds > self.time_limit:
                worker.give_up(f"took longer than the limit of {self.time_limit:g} s")

    @staticmethod
    def _retry_or_fail(worker: _Worker, attempts: Attempts) -> Iterator[Done]:
        unit = worker.unit
        if unit is None:
            return
        if worker.given_up is None and attempts.left(unit):
            worker.group.appendleft(unit)
        else:
            yield Done(unit.key, error=worker.given_up or worker.why_ended())


class _Worker:
    """One process, the unit it is at, and the rest of its group."""

    def __init__(
        self,
        variables: dict[str, str],
        group: deque[Unit],
        events: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]],
        attempts: Attempts,
    ) -> None:
        self.group = group
        self.device = variables.get(DEVICES, "")
        self.unit: Unit | None = None
        self.given_up: str | None = None
        self._last_line = ""
        self._started = time.monotonic()
        self._attempts = attempts
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - own program
            run_module("molbench.executors.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=variables,
            # Ctrl-C is for this process, which then asks its workers to end.
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a process without pipes")
        self._input: IO[bytes] = self._process.stdin
        self._output: IO[bytes] = self._process.stdout
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()
        self.next()

    @property
    def seconds(self) -> float:
        """How long it has been at its unit."""
        return 0.0 if self.unit is None else time.monotonic() - self._started

    def next(self) -> None:
        """Hand it the next unit of its group, or let it go."""
        self._started = time.monotonic()
        self.unit = self.group.popleft() if self.group else None
        with suppress(OSError):  # it may be dead; its output ends, and that is dealt with
            if self.unit is None:
                self._input.close()
            else:
                self._attempts.start(self.unit)
                self._input.write(json.dumps(asdict(self.unit)).encode() + b"\n")
                self._input.flush()

    def give_up(self, reason: str) -> None:
        """Kill it over the unit it is at."""
        self.given_up = self.given_up or reason
        self._process.kill()

    def why_ended(self) -> str:
        """Why it ended, as far as can be told."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "its process was killed; if nobody did that, memory ran out"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with code {code}" + (f": {self._last_line}" if self._last_line else "")

    def ask_to_end(self) -> None:
        """Let it save what it needs to continue."""
        self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end, and kill it when that does not come."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if not self._log.closed:
            self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _LOG))
            self._last_line = (self._log.read().decode(errors="replace").strip().splitlines() or [""])[-1]
        for stream in (self._input, self._output, self._log):
            with suppress(OSError):
                stream.close()

    def _listen(self, events: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]) -> None:
        try:
            for line in self._output:
                events.put((self, json.loads(line)))
        except ValueError:  # half a line of a process that was killed, or closed under our feet
            pass
        events.put((self, None))


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(workers: set[_Worker]) -> None:
    for worker in workers:
        worker.ask_to_end()
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.wait(max(0.0, deadline - time.monotonic()))
