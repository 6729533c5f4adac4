"""Every family of methods goes on exactly after ``kill -9``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from molbench.training import pretrain as room
from molbench.training.checkpoint import Checkpoint
from molbench.training.loop import StepReport, fit
from tests.training.families import FAMILIES, SMILES, STEPS, random_steps, trained

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _data(build_molecules: Callable[..., Path]) -> None:
    build_molecules("molecules", SMILES)


def die(step: int, call: Callable[[], object]) -> None:
    """Call in a child process, which saves its state after every step and is killed in one of them."""

    def progress(report: StepReport) -> None:
        if report.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            room.fit = lambda *a, **o: fit(*a, **{**o, "progress": progress, "save_seconds": 0.0})
            call()
        finally:
            os._exit(1)
    deadline = time.monotonic() + 60
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGTERM)
        time.sleep(0.01)
    assert os.WIFSIGNALED(done[1])
    assert os.WTERMSIG(done[1]) == signal.SIGKILL


@pytest.mark.parametrize("name", FAMILIES)
def test_a_run_killed_twice_ends_with_the_weights_of_an_unbroken_one(name: str, tmp_path: Path) -> None:
    output = tmp_path / "parted.pt"
    for step in random_steps(name, 2):
        die(step, lambda: trained(name, output, STEPS))
        state = torch.load(output.with_name("parted.pt.state") / "state.pt") if step > 1 else None
        assert state is None or state["progress"]["step"] == step - 1
        assert not output.exists()
    parted, whole = trained(name, output, STEPS), trained(name, tmp_path / "whole.pt", STEPS)
    assert parted.keys() == whole.keys()
    for key, value in whole.items():
        assert torch.equal(parted[key], value), key
    losses = [
        Checkpoint.load(tmp_path / f"{run}.pt").pretraining["final_loss"] for run in ("parted", "whole")
    ]
    assert losses[0] == losses[1]
