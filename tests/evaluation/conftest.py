"""A home with the toy datasets, and checkpoints of a small backbone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from molbench.backbones import build_backbone
from molbench.evaluation import evaluate
from molbench.training.checkpoint import Checkpoint
from tests.evaluation import toy

CONFIG = {"width": 16, "filters": 16, "interactions": 2, "gaussians": 8, "cutoff": 4.0}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, and test workers share the processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy-home")
    toy.write_molecules(root)
    toy.write_frames(root)
    return root


@pytest.fixture
def toy_home(_own_home: None, _built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``$MOLBENCH_HOME`` with both toy datasets, of this test alone."""
    root = tmp_path / "home"
    shutil.copytree(_built, root)
    monkeypatch.setenv("MOLBENCH_HOME", str(root))
    return root


def save_checkpoint(path: Path, seed: int = 0, **provenance: object) -> Path:
    """A checkpoint of a small SchNet with weights drawn from ``seed``."""
    torch.manual_seed(seed)
    backbone = build_backbone("schnet", CONFIG)
    provenance = {"method": "toy", "pretraining": {"dataset": "elsewhere"}} | provenance
    Checkpoint.of(backbone, **provenance).save(path)
    return path


@pytest.fixture
def save() -> Callable[..., Path]:
    """The function that writes such a checkpoint."""
    return save_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """One such checkpoint."""
    return save_checkpoint(tmp_path / "model.pt", seed=100)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first honest results are kept for other tests."""
    return tmp_path_factory.mktemp("made") / "r"


@pytest.fixture
def results(toy_home: Path, checkpoint: Path, tmp_path: Path, _made: Path) -> Path:
    """Honest results of one checkpoint, and of its backbone from scratch, for this test to tamper with."""
    if not _made.exists():
        tasks = ["toy/size,toy/mass,toy/ring,toy-frames/co"]
        assert not evaluate([checkpoint], tasks, seeds=2, output=_made, executor="inline").failures
    return Path(shutil.copytree(_made, tmp_path / "r"))
