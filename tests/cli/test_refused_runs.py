"""Runs that cannot succeed, typed as users type them: one message, exit code 2, and nothing left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SMALL = ("--set", "backbone.layers=1", "--set", "backbone.width=8")


def molbench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "molbench.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("emgp", "--set", "backbone.elements=7"),
            "backbone 'egnn' knows elements up to C, and ",
        ),
        (
            ("attr-mask", "--set", "method.elements=8"),
            "method 'attr-mask' knows elements up to N, and ",
        ),
        (
            ("geossl-ddm", "--set", "method.beta=1000"),
            "no step of 3 succeeded: every loss was not finite",
        ),
    ],
    ids=["backbone", "method", "loss"],
)
def test_pretraining_that_cannot_succeed(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    given = ("--backbone", "egnn", "--data", "xtb-molecules", "-o", "c.pt", "--steps", "3", *SMALL)
    done = molbench(tmp_path, "pretrain", *words, *given)
    assert done.returncode == 2, done.stderr
    assert f"error: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_task_with_other_elements_does_not_keep_the_others_from_being_scored(tmp_path: Path) -> None:
    given = ("--backbone", "egnn", "--data", "xtb-molecules", "-o", "c.pt", "--steps", "1", *SMALL)
    made = molbench(tmp_path, "pretrain", "coord", *given, "--set", "backbone.elements=10")
    assert made.returncode == 0, made.stderr
    tasks = ("-t", "xtb-molecules/homo,xtb-solvation/dg_solv")
    done = molbench(tmp_path, "evaluate", "c.pt", *tasks, "--seeds", "1", "--executor", "inline")
    assert done.returncode == 2, "a task was named in full and not scored"
    assert "xtb-molecules/homo" in done.stdout and "not applicable: c on" not in done.stdout
    assert "error: c on xtb-solvation/dg_solv: backbone 'egnn' knows elements up to F" in done.stderr
    assert "Traceback" not in done.stderr
    tasks = ("-t", "xtb-molecules/homo,xtb-solvation/dg*")
    done = molbench(tmp_path, "evaluate", "c.pt", *tasks, "--seeds", "1", "--executor", "inline")
    assert done.returncode == 0, "a pattern takes what there is"


def test_a_limit_holds_for_a_single_run_too(tmp_path: Path) -> None:
    given = ("--backbone", "egnn", "--data", "xtb-molecules", "-o", "c.pt", "--steps", "1", *SMALL)
    assert molbench(tmp_path, "pretrain", "coord", *given).returncode == 0
    budget = ("--protocol", "finetune-lite", "--set", "steps=1000000", "--seeds", "1", "--no-scratch")
    done = molbench(tmp_path, "evaluate", "c.pt", "-t", "xtb-molecules/homo", *budget, "--time-limit", "4")
    assert done.returncode == 2 and "took longer than the limit of 4 s" in done.stderr
