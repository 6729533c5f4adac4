"""Recipes of CONTRIBUTING.md, followed to the letter in a copy of the project."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recipes.checkout import ROOT, Checkout

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
KINDS = [
    *("A dataset", "A task", "A split generator", "A backbone", "A method", "A metric", "A kind of task"),
    *("A protocol", "A command"),
]
#: A block, and the last file that is named in the words before it.
BLOCK = re.compile(r"(?P<words>(?:(?!```).)*?)```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
#: Tests over listings; what a recipe adds is in them without any of their files being edited.
LISTINGS = [
    *("tests/spec/test_schemas.py", "tests/catalog", "tests/cli/test_front_door.py", "tests/test_names.py"),
    *("tests/evaluation/test_task_kinds.py", "tests/data/build/splits/test_conformance.py"),
    *("tests/metrics/test_metrics.py", "tests/fuzz/test_fuzz.py"),
    *("tests/backbones/test_settings.py", "tests/training/test_no_waiting.py"),
]
ADDED = "fluoride or bond-table or in-turn or middle or centre or counts or within-half or every or no_two"


def follow(recipe: str, project: Path) -> Iterator[list[str]]:
    """Write the files of a recipe, and give the commands in between."""
    for block in BLOCK.finditer(recipe):
        text = block["text"]
        if block["language"] == "console":
            for line in text.splitlines():
                assert line.startswith("$ "), line
                yield shlex.split(line.removeprefix("$ "))
            continue
        words = " ".join(block["words"].split())
        name = re.findall(r"`([\w./-]+\.\w+)`", words)[-1]
        path = project / name
        if below := re.search(rf"Add to `{name}` below `(.+)`:$", words):
            lines = path.read_text().splitlines(keepends=True)
            (row,) = [row for row, line in enumerate(lines) if line.strip() == below[1]]
            path.write_text("".join([*lines[: row + 1], text, *lines[row + 1 :]]))
        elif f"Add to `{name}`" in words:
            assert path.is_file(), f"{name} is added to before it is there"
            path.write_text(path.read_text() + text)
        else:
            assert not path.exists(), f"{name} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def test_there_is_a_recipe_for_each() -> None:
    assert [recipe.partition("\n")[0] for recipe in RECIPES] == KINDS
    assert all("$ " in recipe for recipe in RECIPES)


@pytest.mark.slow
def test_every_recipe_can_be_followed_and_what_it_adds_is_like_what_is_there(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    project = Checkout(tmp_path / "project")
    programs = {"molbench": ["-m", "molbench.cli"], "python": []}
    for recipe in RECIPES:
        with subtests.test(recipe.partition("\n")[0]):
            for program, *arguments in follow(recipe, project.folder):
                done = project.run(*programs[program], *arguments)
                assert done.returncode == 0, f"{program} {arguments}\n{done.stdout[-4000:]}{done.stderr}"
                assert done.stdout
    for check in (["format", "--check"], ["check", "--no-cache"]):
        done = project.run("-m", "ruff", *check, "molbench")
        assert done.returncode == 0, done.stdout + done.stderr
    done = project.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *LISTINGS, "-k", ADDED)
    assert done.returncode == 0, done.stdout[-8000:]
