"""Every family of methods goes on exactly after ``kill -9``."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from molbench.training import pretrain as room
from molbench.training.checkpoint import Checkpoint
from molbench.training.loop import StepReport, fit
from tests.training.families import FAMILIES, SMILES, STEPS, random_steps, trained

pytestmark = pytest.mark.slow

#: Children are forked from a process that has imported what they need and computed nothing: a process with
#: threads, as that of the tests is, cannot be forked safely.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training.families"])


@pytest.fixture(autouse=True)
def _data(build_molecules: Callable[..., Path]) -> None:
    build_molecules("molecules", SMILES)


def die(name: str, output: str, last_step: int, environment: dict[str, str]) -> None:
    """Train, save the state after every step, and be killed in one of them."""

    def progress(report: StepReport) -> None:
        if report.step == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    os.environ.update(environment)
    torch.set_num_threads(1)
    room.fit = lambda *a, **o: fit(*a, **{**o, "progress": progress, "save_seconds": 0.0})
    trained(name, Path(output), STEPS)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_run_killed_twice_ends_with_the_weights_of_an_unbroken_one(name: str, tmp_path: Path) -> None:
    output = tmp_path / "parted.pt"
    for step in random_steps(name, 2):
        child = CONTEXT.Process(target=die, args=(name, str(output), step, dict(os.environ)), daemon=True)
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
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
