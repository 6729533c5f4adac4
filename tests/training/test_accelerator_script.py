"""The script for a lent accelerator does at toy size on the CPU what it is to do there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.record import Record
from molbench.backbones import BACKBONES
from molbench.testing import small_backbone
from molbench.training.checkpoint import Checkpoint

SCRIPT = Path(__file__).parents[2] / "benchmarks/accelerator.sh"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("timeout") is None, reason="needs timeout of GNU coreutils"),
]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script, with this Python and its command in the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"OUT": str(folder / "out"), "PATH": path}
    return subprocess.run(
        ["sh", str(SCRIPT), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def test_steps_of_every_encoder_then_forces(tmp_path: Path) -> None:
    checkpoint = tmp_path / "painn.pt"
    Checkpoint.of(small_backbone("painn"), method="toy", pretraining={"dataset": "elsewhere"}).save(
        checkpoint
    )
    done = run(tmp_path, str(checkpoint), "--device", "cpu", "--toy", "--minutes", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = Record.read(tmp_path / "out/steps.json").rows
    assert all(row.cells["near enough"] for row in steps), steps
    rows = {row.name for row in steps}
    names = [name for name, backbone in BACKBONES.items() if backbone.inputs == "molecules"]
    assert rows == {f"{name}, {precision}" for name in names for precision in ("fp32", "bf16")}
    scored = {path.relative_to(tmp_path / "out/results").parts[0] for path in tmp_path.rglob("result.json")}
    assert len(scored) == 2 and "painn" in scored  # and the same from scratch


@pytest.mark.parametrize("arguments", [[], ["none.pt"], ["x", "--device", "abacus"], ["--nonsense"]])
def test_wrong_use_is_told_before_anything_runs(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
