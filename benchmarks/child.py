"""Measurements in processes of their own, of this checkout and of an earlier one that takes turns with it."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

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


def processor_seconds() -> float:
    """What the processes that this one started, and that have ended, took of processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def without_python_variables() -> dict[str, str]:
    """The environment, but for what would lead an interpreter to another place than its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
