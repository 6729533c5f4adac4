"""Training that ends where validation no longer improves."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from molbench.training.interrupt import InterruptedTrainingError
from molbench.training.loop import FitReport, StepReport, fit
from tests.training import toy


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_equal(module: nn.Module, expected: dict[str, torch.Tensor]) -> None:
    for name, value in module.state_dict().items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize(
    ("patience", "steps", "best_step"), [(1, 6, 4), (2, 8, 4), (3, 16, 10), (4, 18, 10), (None, 20, 10)]
)
def test_it_ends_after_so_many_validations_and_keeps_the_best(
    patience: int | None, steps: int, best_step: int
) -> None:
    values, seen = iter([3.0, 1.0, 1.0, float("nan"), 0.5, 2.0, 0.5, 0.6, 0.7, 0.8]), {}
    module = toy.Toy()

    def validate(_: nn.Module) -> float:
        seen[len(taken)] = weights(module)
        return next(values)

    taken: list[StepReport] = []
    report = fit(
        module,
        toy.ToyLoader(40, 4),
        toy.config(steps=20),
        validate=validate,
        validate_every=2,
        patience=patience,
        progress=taken.append,
    )
    assert (report.steps, len(taken), report.best_step) == (steps, steps, best_step)
    assert_equal(module, seen[best_step])
    assert not module.training


def _run(
    folder: Path | None = None, progress: Callable[[StepReport], None] | None = None
) -> tuple[nn.Module, FitReport]:
    module = toy.Toy()
    settings = {"steps": 400, "lr": 0.3, "schedule": "plateau", "plateau_patience": 2, "warmup_steps": 0}
    report = fit(
        module,
        toy.ToyLoader(40, 4),
        toy.config(**settings),
        folder=folder,
        validate=toy.validation,
        validate_every=3,
        patience=5,
        progress=progress,
    )
    return module, report


def test_a_run_interrupted_while_it_waits_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole, unbroken = _run()
    assert unbroken.best_step is not None
    assert unbroken.steps == unbroken.best_step + 15 < 400
    for step in (unbroken.best_step, unbroken.best_step + 4, unbroken.steps - 3, unbroken.steps - 1):
        folder = tmp_path / str(step)

        def stop(report: StepReport, at: int = step) -> None:
            if report.step == at - 1:  # the request is heard in the step that follows
                os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(InterruptedTrainingError, match=f"after step {step} "):
            _run(folder, stop)
        taken: list[StepReport] = []
        parted, resumed = _run(folder, taken.append)
        assert taken[0].step == step + 1
        assert (resumed.steps, resumed.best, resumed.best_step) == (
            unbroken.steps,
            unbroken.best,
            unbroken.best_step,
        )
        assert resumed.losses == unbroken.losses
        assert_equal(parted, weights(whole))


def test_a_run_that_has_ended_takes_no_further_step(tmp_path: Path) -> None:
    module, report = _run(tmp_path)
    taken: list[StepReport] = []
    again, repeated = _run(tmp_path, taken.append)
    assert not taken
    assert repeated.steps == report.steps
    assert_equal(again, weights(module))


def test_patience_needs_a_validation() -> None:
    with pytest.raises(ValueError, match="need a validation"):
        fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(), patience=1)
