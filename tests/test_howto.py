"""Pages are followed to the letter: each line behind a ``$`` is typed, each piece of Python is run.

Other blocks, such as what takes a cluster or hours, are ``text``.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import howto
from tests.rooms import ROOT

#: Commands beside numbers that took hours to make.
RECORDS = {"results.md", "learning.md"}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def name_of(page: Path) -> str:
    return page.relative_to(howto.DOCS).as_posix()


@pytest.mark.parametrize("page", sorted(howto.DOCS.rglob("*.md")), ids=name_of)
def test_a_block_is_followed_or_says_that_it_is_none(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    languages = set(fences[::2]) - ({""} if page.name in RECORDS else set())
    assert languages <= {"console", "python", "text", "mermaid"}
    assert not any(fences[1::2])


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoders")
    howto.write_encoders(folder, sys.executable, ENVIRONMENT)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", howto.pages(), ids=name_of)
def test_a_how_to_can_be_followed(page: Path, encoders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoders, tmp_path / "empty"))
    environment = ENVIRONMENT | {"MOLBENCH_HOME": os.environ["MOLBENCH_HOME"]}
    assert howto.follow(page, folder, sys.executable, environment)
