"""Pages for those who work on the code say what the code is."""

import ast
import re
from pathlib import Path

import pytest

from molbench.evaluation import EVALUATION_VERSION
from molbench.spec.catalogue import Catalogue
from tests.rooms import PACKAGE, ROOMS, ROOT
from tests.rooms_picture import PAGE, with_picture

TEXT = PAGE.read_text(encoding="utf-8")
WALKS = re.findall(r"^## (From .*?)\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
#: `` `name` (`file.py`) `` or `` `name` or `other` (`file.py`) ``, over the end of a line or not.
PLACE = re.compile(r"`(\w+)`(?:\s+or\s+`(\w+)`)?\s+\(`([\w/]+\.py)`\)")
PAGES = [PAGE, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]


def defined_in(path: Path) -> set[str]:
    """Names of the functions and classes at the top of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_the_picture_is_that_of_the_imports() -> None:
    assert with_picture(TEXT) == TEXT, "run python -m tests.rooms_picture"


def test_every_room_is_described_in_order() -> None:
    assert re.findall(r"^\| `([\w.]+)` \|", TEXT, flags=re.MULTILINE) == ROOMS


def test_there_are_three_walks() -> None:
    assert [title for title, _ in WALKS] == [
        "From raw file to cell",
        "From batch to loss",
        "From checkpoint to board row",
    ]


@pytest.mark.parametrize("walk", [text for _, text in WALKS], ids=[title for title, _ in WALKS])
def test_each_step_of_a_walk_names_functions_that_are_there(walk: str) -> None:
    steps = re.split(r"^\d+\. ", walk, flags=re.MULTILINE)[1:]
    assert len(steps) >= 5
    for step in steps:
        places = PLACE.findall(step)
        assert places, step
        for *names, file in places:
            assert set(filter(None, names)) <= defined_in(PACKAGE / file), f"{names} in {file}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|yaml|txt|lock))`", page.read_text(encoding="utf-8")):
        existing = [root / name for root in (ROOT, PACKAGE) if (root / name).exists()]
        assert existing or "/" not in name, f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_decisions_are_sorted_by_room() -> None:
    rooms = {room.partition(".")[0] for room in ROOMS}
    assert {page.stem for page in PAGES[1:]} <= rooms


def test_the_changelog_names_what_is_past_its_first_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = [e for e in Catalogue.load().entries.values() if e.folder.parent == ROOT / "datasets"]
    versions = {entry.id: entry.dataset.version for entry in entries if entry.dataset.version != "1.0.0"}
    for entry in entries:
        versions |= {
            f"{entry.id}/{n}": task.version for n, task in entry.tasks.tasks.items() if task.version > 1
        }
    unnamed = [f"`{name}` {version}" for name, version in versions.items()]
    assert [one for one in unnamed if one not in text] == []
    assert f"Evaluation {EVALUATION_VERSION}:" in text
