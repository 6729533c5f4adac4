"""Where the tests find files that are not part of the project."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def _folder(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f"{variable}={value} is not a folder")
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real raw files; the test is skipped without one."""
    return _folder("MOLBENCH_REAL_DATA")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of reference outputs; the test is skipped without one."""
    return _folder("MOLBENCH_GOLDEN")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or touches the user's built datasets or Hugging Face cache, or opens a connection."""
    root = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MOLBENCH_HOME", str(root / "molbench"))
    monkeypatch.setenv("HF_HOME", str(root / "huggingface"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def build_molecules(tmp_path: Path) -> Callable[..., Path]:
    """Build a dataset with RDKit geometries: ``build_molecules(name, smiles, with_smiles=True, seed=1)``."""
    from tests.molecule_dataset import MoleculeDataset

    return MoleculeDataset(tmp_path)
