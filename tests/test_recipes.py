"""Recipes of CONTRIBUTING.md, followed to the letter in a copy of the project."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("molbench", "datasets", "leaderboards", "tests", "pyproject.toml")
RECIPES = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
WANTED = [
    *("A dataset", "A task", "A split generator", "A backbone", "A method", "A metric", "A kind of task"),
    *("A protocol", "A command"),
]
#: A block, and the last file that is named in the words before it.
BLOCK = re.compile(r"(?P<words>(?:(?!```).)*?)```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


def follow(recipe: str, project: Path) -> Iterator[list[str]]:
    """Write the files of a recipe, and give the commands in between."""
    for block in BLOCK.finditer(recipe):
        if block["language"] == "console":
            for line in block["text"].splitlines():
                assert line.startswith("$ "), line
                yield shlex.split(line.removeprefix("$ "))
            continue
        words = " ".join(block["words"].split())
        name = re.findall(r"`([\w./-]+\.\w+)`", words)[-1]
        path = project / name
        if f"Add to `{name}`" in words:
            assert path.is_file(), f"{name} is added to before it is there"
            path.write_text(path.read_text() + "\n" * name.endswith(".py") + block["text"])
        else:
            assert not path.exists(), f"{name} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"])


def test_there_is_a_recipe_for_each() -> None:
    assert [recipe.partition("\n")[0] for recipe in RECIPES] == WANTED
    assert all("$ " in recipe for recipe in RECIPES)


@pytest.mark.slow
def test_every_recipe_can_be_followed(tmp_path: Path, subtests: pytest.Subtests) -> None:
    project = tmp_path / "project"
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / name, project / name)
    environment = os.environ | {"PYTHONPATH": str(project), "MOLBENCH_HOME": str(tmp_path / "home")}
    programs = {"molbench": [sys.executable, "-m", "molbench.cli"], "python": [sys.executable]}
    for recipe in RECIPES:
        with subtests.test(recipe.partition("\n")[0]):
            for program, *arguments in follow(recipe, project):
                command = [*programs[program], *arguments]
                done = subprocess.run(
                    command,
                    cwd=project,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=240,
                )
                assert done.returncode == 0, f"{program} {arguments}\n{done.stdout[-4000:]}{done.stderr}"
                assert done.stdout
