"""Commands that are killed at a random moment and then repeated.

Whatever moment it was: no process outlives the one that was killed, the repeated command ends with what an
undisturbed one gives, and nothing else lies where it wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

GRACE = 10.0


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
class Killed:
    """What came of one kill.

    Attributes:
        after: Seconds after the start.
        victim: ``parent`` or ``worker``.
        survivors: Processes that outlived it.
        same: Whether the repeated command gave what an undisturbed one gives.
        leftovers: What lay about after the repeated command.
        error: Last line of the repeated command where it failed.
    """

    after: float
    victim: str
    survivors: int
    same: bool
    leftovers: tuple[str, ...]
    error: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing was left."""
        return self.same and not self.survivors and not self.leftovers


def undisturbed(command: Command, folder: Path) -> tuple[float, object]:
    """Seconds that the command takes, and what it makes."""
    command.prepare(folder)
    started = time.monotonic()
    result = _run(command, folder)
    if result.returncode:
        raise RuntimeError(f"{command.name}: {result.stderr}")
    return time.monotonic() - started, command.outcome(folder)


def kill(command: Command, folder: Path, seconds: float, expected: object, seed: int) -> Killed:
    """Kill the command once within ``seconds``, then repeat it until it ends by itself."""
    rng = random.Random(seed)
    command.prepare(folder)
    shared = _shared_memory()
    process = subprocess.Popen(
        _line(command),
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = rng.uniform(0, seconds)
    time.sleep(after)
    family = _family(process.pid)
    children = family[1:]
    victim = rng.choice(children) if children and rng.random() < 0.5 else None
    if victim is None:
        process.send_signal(signal.SIGKILL)
        survivors = psutil.wait_procs(children, timeout=GRACE)[1]
    else:
        victim.kill()
        process.wait(120)
        survivors = psutil.wait_procs(children, timeout=GRACE)[1]
    for survivor in survivors:
        survivor.kill()
    process.wait()
    repeated = _run(command, folder)
    # A command that had ended before it was to be killed may say that what it makes is there.
    same = command.outcome(folder) == expected
    lines = repeated.stderr.strip().splitlines()
    return Killed(
        round(after, 2),
        "worker" if victim else "parent",
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
    for path in sorted(folder.glob(pattern)):
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
        timeout=240,
    )


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {str(path) for path in folder.iterdir()} if folder.is_dir() else set()
