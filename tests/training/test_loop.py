import json
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from molbench.errors import UserError
from molbench.training.interrupt import InterruptedTrainingError
from molbench.training.loop import fit
from molbench.training.run import MAX_STREAK
from molbench.training.step import OPTIMIZERS
from tests.training import toy


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_equal(first: nn.Module, second: nn.Module, **tolerance: float) -> None:
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, **(tolerance or {"rtol": 0, "atol": 0}))


def test_training_lowers_the_loss_and_reports_it(tmp_path: Path) -> None:
    module = toy.Toy(dropout=0, noise=0)
    before = toy.validation(module)
    seen = []
    report = fit(module, toy.ToyLoader(40, 4), toy.config(steps=60), folder=tmp_path, progress=seen.append)
    assert toy.validation(module) < before
    assert (report.steps, len(report.losses), report.skipped, report.molecules) == (60, 60, 0, 240)
    assert [r.step for r in seen] == list(range(1, 61))
    assert not module.training
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in lines] == list(report.losses)
    assert {"step", "loss", "lr", "seconds", "mse", "gradient_norm"} == set(lines[0])
    assert lines[0]["lr"] == pytest.approx(1e-2 / 3)


def test_first_step_by_hand() -> None:
    """Adam's first update is -lr * g / (|g| + eps) whatever g: bias correction cancels its moments."""
    module = toy.Toy(dropout=0, noise=0)
    start = weights(module)
    loader = toy.ToyLoader(40, 4)
    loss, _ = module.loss(next(loader.epoch(0)), torch.Generator())
    gradients = torch.autograd.grad(loss, list(module.net.parameters()))
    fit(module, loader, toy.config(steps=1, schedule="constant", warmup_steps=0))
    for (name, value), gradient in zip(module.net.named_parameters(), gradients, strict=True):
        expected = start[f"net.{name}"] - 1e-2 * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(value, expected)
    torch.testing.assert_close(module.unused, torch.ones(3))


def test_same_seed_same_weights_other_seed_others() -> None:
    runs = [toy.Toy() for _ in range(3)]
    for module, seed in zip(runs, (1, 1, 2), strict=True):
        torch.manual_seed(len(runs))  # the caller's random state must not matter
        fit(module, toy.ToyLoader(40, 4), toy.config(seed=seed))
    assert_equal(runs[0], runs[1])
    assert not torch.equal(runs[0].net[0].weight, runs[2].net[0].weight)


def test_callers_random_state_is_left_alone() -> None:
    module = toy.Toy()
    torch.manual_seed(1)
    fit(module, toy.ToyLoader(40, 4), toy.config(steps=2))
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1))


def test_accumulation_equals_a_larger_batch() -> None:
    small, large = toy.Toy(dropout=0, noise=0).double(), toy.Toy(dropout=0, noise=0).double()
    common = {"steps": 9, "precision": "64-true"}
    fit(small, toy.ToyLoader(40, 4), toy.config(**common, accumulate=2))
    fit(large, toy.ToyLoader(40, 8), toy.config(**common))
    assert_equal(small, large, rtol=0, atol=1e-13)


def test_clipping_bounds_the_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []

    class Watched(torch.optim.Adam):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
            norms.append(torch.stack([g.norm() for g in grads]).norm().item())
            super().step(closure)

    monkeypatch.setitem(OPTIMIZERS, "adam", Watched)
    fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(clip_norm=1e-3))
    assert max(norms) <= 1e-3 * (1 + 1e-5)


def test_ema_weights_are_kept_and_follow_the_recurrence() -> None:
    trace = []
    plain, averaged = toy.Toy(), toy.Toy()
    fit(plain, toy.ToyLoader(40, 4), toy.config(), progress=lambda _: trace.append(weights(plain)))
    fit(averaged, toy.ToyLoader(40, 4), toy.config(ema_decay=0.9))
    expected = trace[0]
    for step in trace[1:]:
        expected = {name: 0.9 * expected[name] + 0.1 * step[name] for name in expected}
    for name, value in averaged.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_validation_sees_averaged_weights_and_the_best_are_kept() -> None:
    values, kept = iter([3.0, 1.0, 2.0, float("nan")]), []

    def validate(module: nn.Module) -> float:
        assert not module.training
        kept.append(weights(module))
        return next(values)

    module = toy.Toy()
    live = []
    report = fit(
        module,
        toy.ToyLoader(40, 4),
        toy.config(steps=20, ema_decay=0.9),
        validate=validate,
        validate_every=5,
        progress=lambda _: live.append(weights(module)),
    )
    assert (report.best, report.best_step) == (1.0, 10)
    for name, value in module.state_dict().items():
        assert torch.equal(value, kept[1][name])
    assert not torch.equal(kept[1]["net.0.weight"], live[9]["net.0.weight"])


def test_plateau_lowers_the_rate_when_validation_stalls() -> None:
    rates = []
    fit(
        toy.Toy(),
        toy.ToyLoader(40, 4),
        toy.config(steps=6, warmup_steps=0, schedule="plateau", plateau_patience=1, plateau_factor=0.5),
        validate=lambda _: 1.0,
        validate_every=1,
        progress=lambda report: rates.append(report.lr),
    )
    assert rates == [1e-2, 1e-2, 1e-2, 5e-3, 5e-3, 2.5e-3]
    with pytest.raises(ValueError, match="need a validation"):
        fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(schedule="plateau"))


def test_step_without_finite_gradient_is_skipped_and_counted(tmp_path: Path) -> None:
    class Faulty(toy.Toy):  # type: ignore[name-defined, misc]
        calls = 0

        def loss(self, batch, generator):  # type: ignore[no-untyped-def]
            self.calls += 1
            loss, logs = super().loss(batch, generator)
            return loss * (float("nan") if self.calls == 3 else 1.0), logs

    module, trace = Faulty(), []
    report = fit(
        module,
        toy.ToyLoader(40, 4),
        toy.config(steps=5),
        folder=tmp_path,
        progress=lambda _: trace.append(weights(module)),
    )
    assert report.skipped == 1
    assert torch.equal(trace[1]["net.0.weight"], trace[2]["net.0.weight"])
    assert not torch.equal(trace[2]["net.0.weight"], trace[3]["net.0.weight"])
    assert all(value.isfinite().all() for value in module.state_dict().values())
    third = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[2])
    assert third["loss"] is None


def test_divergence_is_an_error() -> None:
    class Hopeless(toy.Toy):  # type: ignore[name-defined, misc]
        def loss(self, batch, generator):  # type: ignore[no-untyped-def]
            loss, logs = super().loss(batch, generator)
            return loss / 0, logs

    with pytest.raises(UserError, match="diverged"):
        fit(Hopeless(), toy.ToyLoader(40, 4), toy.config(steps=MAX_STREAK))


@pytest.mark.parametrize(("infinite", "named"), [("loss", "every loss"), ("gradient", "every gradient")])
def test_a_run_without_a_single_step_is_an_error_and_leaves_nothing(
    tmp_path: Path, infinite: str, named: str
) -> None:
    class Hopeless(toy.Toy):  # type: ignore[name-defined, misc]
        def loss(self, batch, generator):  # type: ignore[no-untyped-def]
            loss, logs = super().loss(batch, generator)
            # The square root has no slope at 0.
            return (loss / 0 if infinite == "loss" else (loss * 0).sqrt()), logs

    module = Hopeless()
    before = weights(module)
    with pytest.raises(UserError, match=f"no step of 5 succeeded: {named} was not finite"):
        fit(module, toy.ToyLoader(40, 4), toy.config(steps=5), folder=tmp_path / "state")
    assert not list(tmp_path.iterdir())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_precisions_run_and_leave_targets_in_float64(precision: str) -> None:
    seen = set()

    class Watched(toy.Toy):  # type: ignore[name-defined, misc]
        def loss(self, batch, generator):  # type: ignore[no-untyped-def]
            hidden = self.net[0](batch.positions[:, :1])
            seen.add((hidden.dtype, batch.positions.dtype, batch.targets["y"].dtype))
            return super().loss(batch, generator)

    module = Watched(dropout=0)
    report = fit(module, toy.ToyLoader(40, 4), toy.config(steps=3, precision=precision))
    wide = precision == "64-true"
    assert seen == {
        (torch.float64 if wide else torch.bfloat16, torch.float64 if wide else torch.float32, torch.float64)
    }
    assert module.net[0].weight.dtype == (torch.float64 if wide else torch.float32)
    assert report.skipped == 0


def test_finished_run_is_not_run_again(tmp_path: Path) -> None:
    first, again = toy.Toy(), toy.Toy()
    report = fit(first, toy.ToyLoader(40, 4), toy.config(), folder=tmp_path, validate=toy.validation)
    steps = []
    repeated = fit(
        again,
        toy.ToyLoader(40, 4),
        toy.config(),
        folder=tmp_path,
        validate=toy.validation,
        progress=steps.append,
    )
    assert not steps
    assert repeated == report
    assert_equal(first, again)


@pytest.mark.parametrize(
    ("changes", "named"), [({"lr": 1.0}, "lr was 0.01, is 1.0"), ({"steps": 30}, "steps was 24")]
)
def test_state_of_another_run_is_refused(tmp_path: Path, changes: dict[str, float], named: str) -> None:
    fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(), folder=tmp_path)
    with pytest.raises(UserError, match=named):
        fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(**changes), folder=tmp_path)
    with pytest.raises(UserError, match="data was None, is other"):
        fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(), folder=tmp_path, key={"data": "other"})


def test_damaged_state_is_named(tmp_path: Path) -> None:
    fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(), folder=tmp_path)
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"state\.pt: damaged"):
        fit(toy.Toy(), toy.ToyLoader(40, 4), toy.config(), folder=tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_the_next_call_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    whole, parted = toy.Toy(), toy.Toy()
    report = fit(whole, toy.ToyLoader(40, 4), toy.config())
    before = signal.getsignal(number)
    with pytest.raises(InterruptedTrainingError, match="of 24; the state is saved in"):
        fit(
            parted,
            toy.ToyLoader(40, 4),
            toy.config(),
            folder=tmp_path,
            progress=lambda r: os.kill(os.getpid(), number) if r.step == 7 else None,
        )
    assert signal.getsignal(number) == before
    fresh = toy.Toy()
    resumed = fit(fresh, toy.ToyLoader(40, 4), toy.config(), folder=tmp_path)
    assert resumed.losses == report.losses
    assert_equal(whole, fresh)


def test_nothing_to_train_or_to_train_on() -> None:
    with pytest.raises(UserError, match="no batch"):
        fit(toy.Toy(), toy.ToyLoader(3, 4), toy.config())
    with pytest.raises(ValueError, match="all are frozen"):
        fit(toy.Toy().requires_grad_(False), toy.ToyLoader(40, 4), toy.config())


def test_a_module_may_ask_for_other_learning_rates() -> None:
    module = toy.Toy(dropout=0, noise=0)
    module.lr_factors = {"net.3.": 0.0}
    before = weights(module)
    fit(module, toy.ToyLoader(40, 4), toy.config(steps=3))
    moved = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"net.0.weight", "net.0.bias"}
