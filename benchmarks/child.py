"""Measurements in processes of their own, of this checkout and of an earlier one that takes turns with it."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, cast

from benchmarks.record import Cell, Measured, Spread

ROOT = Path(__file__).resolve().parents[1]


def add_repeats(parser: argparse.ArgumentParser, repeats: int = 3) -> None:
    """Options of :func:`in_turns`."""
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="an earlier version that takes turns")


def in_turns(
    name: str, code: str, arguments: Sequence[object], options: argparse.Namespace, per: str | None = None
) -> list[Measured]:
    """Repeat a program, in turns with the same of an earlier version where ``--before`` names one.

    Args:
        name: Of the row.
        code: Python, whose last line of output is a JSON object of numbers.
        arguments: Of it.
        options: Has ``repeats`` and ``before``.
        per: Which of these numbers is told by the second, too.
    """
    sides = {name: ROOT} | ({f"{name}, before": options.before} if options.before else {})
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(options.repeats):
        for side, checkout in sides.items():
            runs[side].append(run(code, arguments, checkout))
    rows = []
    for side, own in runs.items():
        columns = {key: [one[key] for one in own] for key in own[0] if key != per}
        cells: dict[str, Cell] = {key: Spread.of(values) for key, values in columns.items()}
        if per is not None:
            cells[f"{per}/s"] = Spread.of([one[per] / one["s"] for one in own])
            cells[f"{per}/s of a processor"] = Spread.of([one[per] / one["s of processors"] for one in own])
        if options.before and side == name:
            earlier = [one["s of processors"] for one in runs[f"{name}, before"]]
            cells["before takes ×, processor time"] = Spread.ratio(earlier, columns["s of processors"])
        rows.append(Measured(side, cells))
    return rows


def run(code: str, arguments: Sequence[object], checkout: Path = ROOT) -> dict[str, float]:
    """One process from its start to its end, with a home that is thrown away.

    Returns:
        Seconds by the clock and of all its processors, largest resident memory of a process in MB, and what
        the program told.
    """
    with TemporaryDirectory() as folder:
        own = {"PYTHONPATH": str(checkout), "MOLBENCH_HOME": folder, "HF_HOME": folder}
        before, start = _processors(), time.perf_counter()
        command = [sys.executable, "-c", code + PEAK, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True
        )
        seconds, processors = time.perf_counter() - start, _processors() - before
    told, peak = done.stdout.splitlines()[-2:]
    return {"s": seconds, "s of processors": processors, "peak MB": float(peak) / 1024, **json.loads(told)}


#: The largest of all processes; those of Python that it starts end before it.
PEAK = """
import resource as _
print(max(_.getrusage(who).ru_maxrss for who in (_.RUSAGE_SELF, _.RUSAGE_CHILDREN)))
"""


def _processors() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class ContestantError(Exception):
    """A process that could not take its step; why, it has told on its standard error."""


class Contestant:
    """A process that takes a step whenever it is told to, see :func:`take_steps`.

    Args:
        command: Of the process.
        cwd: Where it runs.
        environment: Variables of its own.

    Raises:
        ContestantError: If it ends before its first step, and from :meth:`run` if it ends before another.
    """

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env=os.environ | environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.size, self.work = cast("tuple[int, str]", self._read())

    def run(self) -> list[float]:
        """Wall and processor time of a step."""
        with suppress(BrokenPipeError):  # of one that has ended there is nothing to read, either
            print(file=self._process.stdin, flush=True)
        return cast("list[float]", self._read())

    def end(self) -> None:
        """No more steps."""
        self._process.communicate(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _read(self) -> object:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise ContestantError("a contestant cannot take this step; see above")
        return json.loads(line)


def take_steps(make: Callable[[], tuple[Callable[[], object], str, int]]) -> None:
    """Be a :class:`Contestant`: warm up, then take a step for every line that comes and tell its time.

    Args:
        make: Gives the step, what it works on, in words, and how many molecules or pairs that is.
    """
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is not for who reads the times
    run, work, size = make()
    run()
    print(json.dumps([size, work]), file=told, flush=True)
    for _ in sys.stdin:
        start, start_busy = time.perf_counter(), time.process_time()
        run()
        taken = time.perf_counter() - start, time.process_time() - start_busy
        print(json.dumps(taken), file=told, flush=True)


def processor_seconds() -> float:
    """What the processes that this one started, and that have ended, took of processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def without_python_variables() -> dict[str, str]:
    """The environment, but for what would lead an interpreter to another place than its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
