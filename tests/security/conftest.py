"""What every hostile input must meet: one line, soon, in little memory, and nothing written.

A test makes its input below ``tmp_path`` and hands what reads it to ``refused``, or the arguments of the
command to ``command_refused``; both give the message.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from molbench.errors import UserError

#: Several times what the worst takes: what they bound is what grows with the size that an input claims.
SECONDS, MEGABYTES, CHARACTERS = 10.0, 300, 2000
LIMITS = {"seconds": SECONDS, "megabytes": MEGABYTES}
#: What a bar of progress is made of, which may stand above the error.
BAR = "\N{BOX DRAWINGS HEAVY HORIZONTAL}"
LIMITED = Path(__file__).with_name("limited.py")

Refused = Callable[[Callable[[], object]], str]
Bounded = Callable[[Callable[[], object]], str | None]
CommandRefused = Callable[..., str]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the worst of all inputs took."""
    used = [item for report in terminalreporter.getreports("passed") for item in report.user_properties]
    worst = {name: max((value for key, value in used if key == name), default=0) for name in LIMITS}
    if used:
        told = " and ".join(f"{worst[name]:.2f} of {limit} {name}" for name, limit in LIMITS.items())
        terminalreporter.write_line(f"{len(used) // 2:,} hostile inputs took at most {told}")


@pytest.fixture
def bounded(tmp_path: Path, record_property: Callable[[str, object], None]) -> Bounded:
    """``bounded(lambda: read(path))``: as ``refused``, or None where the input is harmless."""

    def check(attack: Callable[[], object]) -> str | None:
        before, resident = _listing(tmp_path), _memory("VmRSS", reset=True)
        start, message = time.process_time(), None
        try:
            attack()
        except UserError as error:
            message = str(error)
            _check_line(message)
        seconds, grown = time.process_time() - start, _memory("VmHWM") - resident
        record_property("seconds", seconds)
        record_property("megabytes", grown)
        assert seconds < SECONDS, f"{seconds:.1f} s: {message}"
        assert grown < MEGABYTES, f"{grown:.0f} MB: {message}"
        assert _listing(tmp_path) == before, f"something was written: {message}"
        return message

    return check


@pytest.fixture
def refused(bounded: Bounded) -> Refused:
    """``refused(lambda: read(path))``: the message with which an input was refused in this process."""

    def check(attack: Callable[[], object]) -> str:
        message = bounded(attack)
        assert message is not None, "it was not refused"
        return message

    return check


@pytest.fixture
def command_refused(tmp_path: Path, record_property: Callable[[str, object], None]) -> CommandRefused:
    """``command_refused("evaluate", path)``: what the command line says, run in ``tmp_path``.

    The process measures itself from where its libraries are loaded, and is killed at twice the limits.
    """

    def check(*arguments: object) -> str:
        before, report = _listing(tmp_path), tmp_path.parent / f"{tmp_path.name}.report"
        command = [sys.executable, LIMITED, report, str(SECONDS), str(MEGABYTES), *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=_environment(),
        )
        assert done.returncode == 2, f"{done.returncode}: {done.stdout}{done.stderr}"
        *progress, last = done.stderr.splitlines()
        assert last.startswith("error: "), done.stderr
        assert all(not line or BAR in line for line in progress), done.stderr
        message = last.removeprefix("error: ")
        _check_line(message)
        assert not done.stdout
        used = json.loads(report.read_text())
        for name in LIMITS:
            record_property(name, used[name])
        assert used["seconds"] < SECONDS and used["megabytes"] < MEGABYTES, f"{used}: {message}"
        assert _listing(tmp_path) == before, f"something was written: {message}"
        return message

    return check


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(LIMITED.parent.parent.parent)}


def _check_line(message: str) -> None:
    assert message.isprintable(), f"not one printable line: {message!r}"
    assert len(message) < CHARACTERS, f"{len(message):,} characters: {message[:200]}"


def _listing(folder: Path) -> dict[str, str]:
    """Every file below a folder and below the user's, with a digest of its first bytes."""
    digests = {}
    for root in (folder, Path(os.environ["MOLBENCH_HOME"])):
        for path in sorted(root.rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    digests[str(path)] = (
                        f"{path.stat().st_size} {hashlib.sha256(file.read(2**16)).hexdigest()}"
                    )
            else:
                digests[str(path)] = "folder"
    return digests


def _memory(line: str, *, reset: bool = False) -> float:
    """Resident memory of this process in MB, or the most since it was reset; 0 where Linux does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    value = next(text for text in status.read_text().splitlines() if text.startswith(line))
    return int(value.split()[1]) / 1024
