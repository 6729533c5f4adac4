"""Commands that are killed at a random moment and then repeated.

Whatever moment it was: no process outlives the one that was killed, the repeated command ends with what an
undisturbed one gives, and nothing else lies where it wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

#: Seconds that a process may take to see that it is to end, and that a command may take in all.
GRACE, LONGEST = 20.0, 900.0
_POLL = 0.02

Victim = Literal["parent", "worker"]


@dataclass(frozen=True)
class Command:
    """A command line that writes below the folder it is started in.

    Attributes:
        name: For reports.
        words: Arguments of ``molbench``.
        outcome: What it made, read from that folder, the same for every undisturbed run.
        prepare: Puts into the folder what it needs.
    """

    name: str
    words: Sequence[str]
    outcome: Callable[[Path], object]
    prepare: Callable[[Path], None] = lambda _folder: None


@dataclass(frozen=True)
class Whole:
    """How a command goes that nobody kills.

    Attributes:
        seconds: How long it takes.
        workers: When its first worker starts and its last one ends, seconds; None where it has none.
        outcome: What it makes.
    """

    seconds: float
    workers: tuple[float, float] | None
    outcome: object


@dataclass(frozen=True)
class Killed:
    """What came of one kill.

    Attributes:
        after: Seconds after the start.
        victim: Who was killed.
        survivors: Processes that outlived it.
        same: Whether the repeated command gave what an undisturbed one gives.
        leftovers: What lay about after the repeated command.
        error: Last line of the repeated command where it failed.
    """

    after: float
    victim: Victim
    survivors: int
    same: bool
    leftovers: tuple[str, ...]
    error: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing was left."""
        return self.same and not self.survivors and not self.leftovers


def undisturbed(command: Command, folder: Path) -> Whole:
    """Run a command to its end.

    Raises:
        RuntimeError: If it fails.
    """
    command.prepare(folder)
    process, started, alive = _start(command, folder, subprocess.PIPE), time.monotonic(), []
    while process.poll() is None:
        if time.monotonic() - started > LONGEST:
            process.kill()
        if _workers(process):
            alive.append(time.monotonic() - started)
        time.sleep(_POLL)
    if process.returncode:
        raise RuntimeError(f"{command.name}: {process.communicate(timeout=GRACE)[1]}")
    process.communicate(timeout=GRACE)
    workers = (alive[0], alive[-1]) if alive else None
    return Whole(time.monotonic() - started, workers, command.outcome(folder))


def kill(command: Command, folder: Path, whole: Whole, seed: int, victim: Victim = "parent") -> Killed:
    """Kill the command or one of its workers once, at any moment of its life, then repeat the command.

    Args:
        command: What is killed.
        folder: Empty.
        whole: How it went undisturbed.
        seed: Of the moment.
        victim: Which process is killed.
    """
    rng = random.Random(seed)
    command.prepare(folder)
    shared = _shared_memory()
    process, started = _start(command, folder, subprocess.DEVNULL), time.monotonic()
    first, last = (0.0, whole.seconds) if victim == "parent" else whole.workers or (0.0, 0.0)
    time.sleep(rng.uniform(first, last))
    workers = _workers(process)
    if victim == "parent":
        process.send_signal(signal.SIGKILL)
    else:
        while not workers and process.poll() is None:  # slower than the undisturbed run, perhaps
            if time.monotonic() - started > LONGEST:
                process.kill()
            time.sleep(_POLL)
            workers = _workers(process)
        if workers:
            rng.choice(workers).kill()
    after = time.monotonic() - started
    process.wait(LONGEST)
    survivors = psutil.wait_procs(workers, timeout=GRACE)[1]
    for survivor in survivors:
        survivor.kill()
    repeated = _run(command, folder)
    # A command that had ended before it was to be killed may say that what it makes is there.
    same = command.outcome(folder) == whole.outcome
    lines = repeated.stderr.strip().splitlines()
    return Killed(
        round(after, 2),
        victim,
        len(survivors),
        same,
        (*leftovers(folder), *sorted(_shared_memory() - shared)),
        lines[-1] if lines and not same else "",
    )


def leftovers(folder: Path) -> tuple[str, ...]:
    """Files and folders that no finished command leaves."""
    return tuple(
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.name.startswith(".") or path.name.endswith((".tmp", ".old", ".state", ".lock", ".incomplete"))
    )


def files_digest(folder: Path, pattern: str) -> str:
    """SHA-256 over names and bytes of some files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.glob(pattern) if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def manifest_digest(pattern: str) -> Callable[[Path], object]:
    """The digest of a built dataset and of all its files."""

    def outcome(folder: Path) -> object:
        [path] = folder.glob(pattern)
        manifest = json.loads(path.read_text())
        files = {
            name: entry["sha256"] for name, entry in manifest["files"].items() if name.endswith(".parquet")
        }
        return manifest["digest"], files

    return outcome


def _line(command: Command) -> list[str]:
    return [sys.executable, "-m", "molbench.cli", *command.words]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "MOLBENCH_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}


def _run(command: Command, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _line(command),
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )


def _start(command: Command, folder: Path, errors: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _line(command),
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=errors,
        text=True,
    )


def _workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _shared_memory() -> set[str]:
    """Semaphores and shared memory, but for those named after a process that is alive: another program's."""
    folder = Path("/dev/shm")
    paths = {str(path) for path in folder.iterdir()} if folder.is_dir() else set()
    owners = {path: match for path in paths if (match := re.search(r"sem\.loky-(\d+)-", path))}
    return {path for path in paths if path not in owners or not psutil.pid_exists(int(owners[path][1]))}
