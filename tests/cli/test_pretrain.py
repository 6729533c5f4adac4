import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from molbench.cli.pretrain import pretrain
from molbench.errors import UserError
from molbench.spec.pretrain import PretrainRequest


def invoke(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, error: Exception | None = None
) -> tuple[Any, dict[str, Any]]:
    """Run the verb with training replaced; returns the result and what training was asked for."""
    import molbench.training.pretrain as room
    from molbench.training.checkpoint import Checkpoint

    asked: dict[str, Any] = {}

    def fake(request: PretrainRequest, progress: object, prepared: Callable[[str], None]) -> Checkpoint:
        asked.update(vars(request))
        prepared("1,600 molecules; 10 steps of 70")
        if error:
            raise error
        numbers = {
            "records": 1600,
            "steps": 10,
            "final_loss": 0.5,
            "molecules_per_second": 99.0,
            "seconds": 2.0,
            "skipped_steps": 3,
        }
        excluded = {"tasks": ["qm9/homo"], "records": 7}
        pretraining = {"dataset": "xtb-molecules", "scheme": "random", "excluded": excluded, "stages": []}
        pretraining |= numbers
        return Checkpoint("painn", {}, {}, pretraining=pretraining)

    monkeypatch.setattr(room, "run_pretraining", fake)
    app = typer.Typer()
    app.command()(pretrain)
    return CliRunner().invoke(app, list(arguments)), asked


BASE = ("geossl-ddm", "--backbone", "painn", "--data", "xtb-molecules", "-o", "c.pt")


def test_options_reach_the_function_and_the_outcome_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (
        "--set",
        "training.lr=0.001",
        "--set",
        "backbone.width=64",
        "--set",
        "method.reuse_edges=true",
    )
    result, asked = invoke(
        monkeypatch, *BASE, "--steps", "10", "--exclude", "qm9/*", "--exclude", "md17/*", *settings
    )
    assert result.exit_code == 0, result.output
    assert asked["overrides"] == {
        "training": {"lr": 0.001},
        "backbone": {"width": 64},
        "method": {"reuse_edges": True},
    }
    assert (asked["output"], asked["steps"], asked["exclude"]) == (Path("c.pt"), 10, ["qm9/*", "md17/*"])
    assert result.stderr == "1,600 molecules; 10 steps of 70\n"
    assert "1,600 molecules of xtb-molecules@random (7 left out), 10 steps, loss 0.5" in result.output
    assert "3 steps were skipped" in result.output


def test_stopped_run_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from molbench.training.interrupt import InterruptedTrainingError

    result, _ = invoke(monkeypatch, *BASE, error=InterruptedTrainingError("Repeat the same call to continue"))
    assert result.exit_code == 130
    assert "Repeat the same call to continue" in result.output


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--steps", "1", "--epochs", "1"), "exclude each other"),
        (("--set", "lr=1"), "not of the form group.key=value"),
        (("--set", "training.lr=["), "--set training.lr="),
        (("--steps", "0"), "steps: Input should be greater than or equal to 1, not 0"),
        (("--set", "trainer.lr=1"), "no group of settings 'trainer'"),
    ],
)
def test_mistakes(monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...], message: str) -> None:
    result, asked = invoke(monkeypatch, *BASE, *extra)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert not asked


@pytest.mark.slow
def test_importing_the_verb_loads_nothing_heavy() -> None:
    script = "import sys, molbench.cli.pretrain; print({'torch', 'rdkit', 'datasets'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240
    )
    assert done.stdout.strip() == "set()"
