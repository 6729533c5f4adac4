"""A home with the toy datasets, and a packed submission."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.submission.packed import write_submission


@pytest.fixture(scope="session")
def _packed(_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811 - a fixture
    root = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLBENCH_HOME", str(_built))
        write_submission(root / "submissions")
    return root / "submissions"


@pytest.fixture
def submission(toy_home: Path, _packed: Path, tmp_path: Path) -> Path:  # noqa: F811 - a fixture
    """An honest submission for this test to tamper with."""
    return Path(shutil.copytree(_packed, tmp_path / "submissions")) / "schnet" / "good"


@pytest.fixture
def trust(toy_home: Path) -> Trust:  # noqa: F811 - a fixture
    """What the catalogue of the toy datasets knows."""
    return Trust(Catalogue.load())
