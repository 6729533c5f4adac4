"""A damaged folder of a dataset costs itself, is told once, and no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.paths import catalogue_root, home
from molbench.spec.catalogue import Catalogue
from molbench.spec.damage import DamagedDatasetWarning, tell_damage

Harm = Callable[[Path], object]


def _closed(folder: Path) -> None:
    folder.chmod(0)


def _nested(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


HARMS: dict[str, tuple[Harm, str]] = {
    "aliases": (
        lambda folder: (folder / "tasks.yaml").write_text("a: &a {}\nb: *a\n"),
        "tasks.yaml:2: an alias",
    ),
    "binary": (lambda folder: (folder / "dataset.yaml").write_bytes(os.urandom(9) + b"\xff"), "dataset.yaml"),
    "no declaration": (lambda folder: (folder / "dataset.yaml").unlink(), "dataset.yaml: cannot be read"),
    "no splits": (lambda folder: (folder / "splits.yaml").unlink(), "splits.yaml: cannot be read"),
    "a folder for a file": (
        lambda folder: ((folder / "splits.yaml").unlink(), (folder / "splits.yaml").mkdir()),
        "splits.yaml: cannot be read",
    ),
    "a pipe": (
        lambda folder: ((folder / "splits.yaml").unlink(), os.mkfifo(folder / "splits.yaml")),
        "splits.yaml: cannot be read",
    ),
    "half a manifest": (
        lambda folder: (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes()[:300]),
        "manifest.json: damaged",
    ),
    "a list for a manifest": (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json"),
    "a deep manifest": (_nested, "manifest.json: damaged"),
    "another target": (
        lambda folder: (folder / "tasks.yaml").write_text(
            (folder / "tasks.yaml").read_text().replace("target: gap", "target: gup")
        ),
        "tasks.yaml",
    ),
}
if os.geteuid() != 0:  # who may read everything
    HARMS["closed"] = (_closed, "Permission denied")


@pytest.fixture
def built() -> Callable[[str], Path]:
    """A copy of an embedded dataset below the home, under a name."""

    def copy(name: str) -> Path:
        folder = home() / "datasets" / name
        shutil.copytree(catalogue_root() / "datasets" / "xtb-molecules", folder)
        path = folder / "dataset.yaml"
        path.write_text(path.read_text().replace("name: xtb-molecules\n", f"name: {name}\n"))
        return folder

    tell_damage.cache_clear()
    return copy


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["mine", "xtb-molecules"])
def test_a_damaged_folder_costs_itself(built: Callable[[str], Path], name: str, harm: str) -> None:
    before = [ref.id for ref in Catalogue.load().tasks()]
    folder, other = built(name), built("sound")
    spoil, told = HARMS[harm]
    spoil(folder)
    with pytest.warns(DamagedDatasetWarning) as caught:
        catalogue = Catalogue.load()
        ids = [ref.id for ref in catalogue.tasks()]
        assert catalogue.find("sound").folder == other  # type: ignore[union-attr]
        assert {entry.id for entry in catalogue.usable()} > {"sound", "xtb-molecules"}
        assert catalogue.tasks("audit/*") and Catalogue.load().tasks("*/gap")
    assert len(caught) == 1 and str(folder) in str(caught[0].message) and told in str(caught[0].message)
    assert sorted(ids) == sorted([*before, *(ref for ref in ids if ref.startswith("sound/"))])
    assert any(ref.startswith("sound/") for ref in ids)
    if name == "mine":
        with pytest.raises(UserError, match=str(folder)):
            catalogue.tasks("mine/*")
    folder.chmod(0o755)


def test_a_damaged_folder_that_is_asked_for_by_its_path_is_refused(built: Callable[[str], Path]) -> None:
    """Tasks of the catalogue have the same names, and are not what was asked for."""
    folder = built("xtb-molecules")
    path = folder / "tasks.yaml"
    path.write_text(path.read_text().replace("metrics: [mae, rmse]", "metrics: [maee, rmse]"))
    with pytest.raises(UserError, match=f"{path}.*unknown metric 'maee'"):
        Catalogue.load().tasks(f"{folder}/gap")


def test_files_that_are_no_datasets_are_nothing(built: Callable[[str], Path]) -> None:
    before = [*Catalogue.load().entries]
    (home() / "datasets").mkdir(parents=True)
    (home() / "datasets" / "mine").touch()
    (home() / "datasets" / "empty").mkdir()
    (home() / "datasets" / "lost").symlink_to("nowhere")
    assert [*Catalogue.load().entries] == before


def test_the_folder_of_all_may_be_none(built: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before, root = [*Catalogue.load().entries], home() / "datasets"
    root.parent.mkdir(parents=True, exist_ok=True)
    root.touch()
    assert [*Catalogue.load().entries] == before
    root.unlink()
    root.mkdir()
    listing = Path.iterdir

    def closed(path: Path) -> object:
        if path == root:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.warns(DamagedDatasetWarning, match="datasets: cannot be read: Permission denied"):
        assert [*Catalogue.load().entries] == before


@pytest.mark.slow
def test_the_command_line_names_it_once_and_goes_on(built: Callable[[str], Path], tmp_path: Path) -> None:
    (built("mine") / "tasks.yaml").write_text("a: &a {}\nb: *a\n")
    for words in (("list", "tasks"), ("list", "datasets"), ("list", "splits"), ("list", "tasks", "*/gap")):
        done = subprocess.run(
            [sys.executable, "-m", "molbench.cli", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0 and "xtb-molecules" in done.stdout
        [line] = done.stderr.splitlines()
        assert line.startswith("warning: passed over: ") and "mine/tasks.yaml:2: an alias" in line
