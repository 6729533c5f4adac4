"""Runs in processes of their own: killed, and distributed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from molbench.training.loop import fit
from tests.training import toy

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("toy.py")


def run(**options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), json.dumps(options)]
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_RANK"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_killed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    settings = {"ema_decay": 0.9, "accumulate": 3}
    killed = run(config=settings, validate=True, folder=str(tmp_path), kill=17, save_seconds=0)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole, parted = toy.Toy(), toy.Toy()
    common: dict[str, Any] = {"validate": toy.validation, "validate_every": 5}
    unbroken = fit(whole, toy.ToyLoader(40, 4), toy.config(**settings), **common)
    taken = []
    resumed = fit(
        parted, toy.ToyLoader(40, 4), toy.config(**settings), folder=tmp_path, progress=taken.append, **common
    )
    assert taken[0].step == 17  # killed before it was saved
    assert resumed.losses == unbroken.losses
    assert resumed.best == unbroken.best
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parted.state_dict()[name]), name
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == sorted([*range(1, 25), 5, 10, 15, 20, 24])


@pytest.mark.parametrize("records", [40, 12, 4], ids=["even", "odd", "single"])
def test_two_processes_equal_one_that_accumulates_twice(tmp_path: Path, records: int) -> None:
    two = run(out=str(tmp_path / "two.pt"), devices=2, toy={"dropout": 0.0}, records=records)
    assert two.returncode == 0, two.stderr
    module = toy.Toy(dropout=0.0)
    report = fit(module, toy.ToyLoader(records, 4), toy.config(accumulate=2))
    actual = torch.load(tmp_path / "two.pt")
    torch.testing.assert_close(actual["losses"], report.losses, rtol=0, atol=1e-6)
    for name, value in module.state_dict().items():
        torch.testing.assert_close(actual["weights"][name], value, rtol=0, atol=1e-6)
