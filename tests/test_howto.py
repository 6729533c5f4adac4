"""Pages are followed to the letter: each line behind a ``$`` is typed, each piece of Python is run.

Other blocks, such as what takes a cluster or hours, are ``text``.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import typer

from benchmarks import howto
from molbench.cli.main import app
from tests.rooms import ROOT

#: Commands beside numbers that took hours to make.
RECORDS = {"results.md", "learning.md"}
PROSE = sorted([*howto.DOCS.rglob("*.md"), ROOT / "README.md"])
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def name_of(page: Path) -> str:
    return page.relative_to(howto.DOCS).as_posix()


@pytest.mark.parametrize("page", sorted(howto.DOCS.rglob("*.md")), ids=name_of)
def test_a_block_is_followed_or_says_that_it_is_none(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    languages = set(fences[::2]) - ({""} if page.name in RECORDS else set())
    assert languages <= {"console", "python", "text", "mermaid"}
    assert not any(fences[1::2])


def lines_of(page: Path) -> list[str]:
    """Lines of code that begin with the program, whether a test types them or not."""
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    whole = (re.sub(r"\\\n *", "", block) for block in blocks)  # the end of a line is escaped
    lines = (line.strip().removeprefix("$ ") for block in whole for line in block.splitlines())
    return [line for line in lines if line.startswith("molbench ")]


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_takes_too_long_to_be_typed_is_a_command_all_the_same(page: Path) -> None:
    for line in lines_of(page):
        words = shlex.split(line, comments=True)[1:]
        if "|" not in words[1] and not any(word.isupper() for word in words):
            command, name = typer.main.get_command(app), "molbench"
            while inner := getattr(command, "commands", None):
                assert words[0] in inner, f"{page}: {line}"
                command, name, words = inner[words[0]], words[0], words[1:]
            with command.make_context(name, words):
                pass  # every option and argument is one


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
