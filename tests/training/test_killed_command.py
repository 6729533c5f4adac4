"""The command, repeated after ``kill -9``, ends with the weights of an unbroken run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from molbench.training.checkpoint import Checkpoint
from tests.training.families import SMILES, STEPS, arguments, random_steps, trained

pytestmark = pytest.mark.slow

#: The command line with a state after every step, killed in the midst of the one given first.
KILLED = """
import os, signal, sys
from molbench.training import pretrain as room
from molbench.training.loop import fit
step = int(sys.argv.pop(1))
def progress(report):
    if report.step == step:
        os.kill(os.getpid(), signal.SIGKILL)
room.fit = lambda *a, **o: fit(*a, **{**o, "progress": progress, "save_seconds": 0.0})
from molbench.cli.main import main
main()
"""


@pytest.fixture(autouse=True)
def _data(build_molecules: Callable[..., Path]) -> None:
    build_molecules("molecules", SMILES)


@pytest.mark.parametrize("name", ["coord", "joao", "3dmrl"])
def test_the_command_repeated_after_a_kill(name: str, tmp_path: Path) -> None:
    given = arguments(name)
    output = tmp_path / "parted.pt"
    words = ["pretrain", name, "-o", str(output), "--steps", str(STEPS)]
    for option in ("data", "backbone", "variant", "accelerator"):
        words += [f"--{option}", given[option]]
    for group, settings in given["overrides"].items():
        for key, value in settings.items():
            words += ["--set", f"{group}.{key}={json.dumps(value)}"]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command, *words], capture_output=True, text=True, timeout=120, check=False
        )

    killed = run("-c", KILLED, str(random_steps(name, 2)[1]))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (output.with_name("parted.pt.state") / "state.pt").is_file()
    resumed = run("-m", "molbench.cli")
    assert resumed.returncode == 0, resumed.stderr
    trained(name, tmp_path / "whole.pt", STEPS)
    assert Checkpoint.load(output).digest == Checkpoint.load(tmp_path / "whole.pt").digest
