"""Scores do not depend on what the program around has set of PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch

import molbench
from molbench.evaluation import Report, evaluate

pytestmark = pytest.mark.slow


@contextmanager
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


SURROUNDINGS = [double, torch.no_grad, torch.inference_mode]


def metrics(report: Report) -> dict[tuple[str, str], float]:
    assert not report.failures, report.failures
    return {(s.result.checkpoint.name, s.result.task.id): s.result.primary.value for s in report.results}


@pytest.mark.parametrize("around", SURROUNDINGS, ids=lambda around: around.__name__)
def test_scores_are_the_same_in_any(
    toy_home: Path,
    checkpoint: Path,
    tmp_path: Path,
    around: Callable[[], AbstractContextManager[None]],
) -> None:
    tasks = ["toy/size", "toy-frames/co"]
    plain = metrics(evaluate(checkpoint, tasks, seeds=1, output=tmp_path / "plain", executor="inline"))
    for path in toy_home.rglob("embeddings/*.npz"):
        path.unlink()
    with around():
        same = metrics(evaluate(checkpoint, tasks, seeds=1, output=tmp_path / "same", executor="inline"))
    assert same == plain


@pytest.mark.parametrize("around", SURROUNDINGS, ids=lambda around: around.__name__)
def test_weights_are_the_same_in_any(
    tmp_path: Path, around: Callable[[], AbstractContextManager[None]]
) -> None:
    def weights(output: Path) -> str:
        width = {"backbone": {"width": 8}}
        method = {"backbone": "schnet", "data": "xtb-molecules", "steps": 2, "overrides": width}
        return molbench.pretrain("distance-prediction", **method, output=output).digest

    plain = weights(tmp_path / "plain.pt")
    with around():
        assert weights(tmp_path / "same.pt") == plain
