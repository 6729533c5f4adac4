import math

import pytest
import torch

from molbench.spec.training import TrainingConfig
from molbench.training.schedules import Schedule


def rates(config: TrainingConfig) -> list[float]:
    schedule = Schedule(config)
    return [schedule.lr(step) for step in range(config.steps)]


def test_warm_up_then_constant() -> None:
    config = TrainingConfig(steps=6, lr=0.4, schedule="constant", warmup_steps=4)
    assert rates(config) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_cosine_by_hand() -> None:
    config = TrainingConfig(steps=4, lr=1.0, min_lr=0.2, schedule="cosine")
    root = math.sqrt(0.5)
    assert rates(config) == pytest.approx([1.0, 0.6 + 0.4 * root, 0.6, 0.6 - 0.4 * root])


def test_cosine_equals_torch_after_the_warm_up() -> None:
    config = TrainingConfig(steps=25, lr=0.3, min_lr=0.01, schedule="cosine", warmup_steps=5)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.01)
    expected = []
    for _ in range(20):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()
    assert rates(config)[5:] == pytest.approx(expected)


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau_equals_torch(patience: int) -> None:
    config = TrainingConfig(
        steps=1, lr=1.0, schedule="plateau", plateau_factor=0.5, plateau_patience=patience, min_lr=0.1
    )
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, min_lr=0.1
    )
    schedule = Schedule(config)
    generator = torch.Generator().manual_seed(0)
    for value in (1 + 0.2 * torch.rand(60, generator=generator)).tolist():
        schedule.observe(value)
        reference.step(value)
        assert schedule.lr(0) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert schedule.lr(0) == pytest.approx(0.1)


def test_memory_survives_a_round_trip() -> None:
    config = TrainingConfig(steps=1, lr=1.0, schedule="plateau", plateau_patience=1)
    first, second = Schedule(config), Schedule(config)
    for value in (1.0, 2.0):
        first.observe(value)
    second.load_state_dict(first.state_dict())
    for schedule in (first, second):
        schedule.observe(2.0)
    assert first.lr(0) == second.lr(0) == pytest.approx(0.8)
