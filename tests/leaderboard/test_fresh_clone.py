"""Whoever has the repository builds the same boards and pages to the byte, wherever and whenever."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rooms import ROOT

PARTS = ("molbench", "datasets", "leaderboards", "submissions")
BUILD = [sys.executable, "-m", "molbench.cli", "board", "build", "--output", "built"]


def _built(folder: Path, **environment: str) -> dict[str, bytes]:
    """Every file that a copy of the repository builds of its submissions."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    own = {"PYTHONPATH": str(folder), "MOLBENCH_HOME": str(folder / "home")} | environment
    done = subprocess.run(
        BUILD, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    built = folder / "built"
    return {
        str(path.relative_to(built)): path.read_bytes() for path in sorted(built.rglob("*")) if path.is_file()
    }


@pytest.mark.slow
def test_two_copies_build_the_same_bytes(tmp_path: Path) -> None:
    one = _built(tmp_path / "one", PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C")
    other = _built(tmp_path / "another place", PYTHONHASHSEED="2", TZ="America/Lima", OMP_NUM_THREADS="2")
    assert one.keys() == other.keys() and {"records.json", "site/index.html"} <= one.keys()
    assert [name for name in one if one[name] != other[name]] == []
    _require_same_tables(one)


def _require_same_tables(built: dict[str, bytes]) -> None:
    """Every line of the tables in the repository is built again; rows that were proposed since may be new."""
    tables = sorted((ROOT / "leaderboards").glob("*.csv"))
    assert len(tables) > 1
    for table in tables:
        lines, again = table.read_bytes().splitlines(), built[table.name].splitlines()
        assert set(lines) <= set(again), f"{table.name}: `molbench board build` writes it anew"
        if lines == again:
            name = f"{table.stem}.md"
            assert (table.parent / name).read_bytes() == built[name], name
