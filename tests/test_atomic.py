"""Whoever writes something anew removes what dead processes left of it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from molbench.atomic import replace_file, replace_folder, scratch_folder, temporary_beside

WRITERS = (replace_file, replace_folder, scratch_folder)


def _left(path: Path, process: int | None = None) -> Path:
    """What a process left; by default one that no system has."""
    mine = temporary_beside(path)
    machine, _, random = mine.name.split(".")[-2].split("-")
    left = mine.with_name(f".{path.name}.{machine}-{process or 2**30}-{random}.tmp")
    left.mkdir()
    (left / "half").touch()
    return left


@pytest.mark.parametrize("write", WRITERS)
def test_what_the_dead_left_of_it_is_removed(
    write: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    path = tmp_path / "below" / "data"
    dead, of_another = _left(path), _left(path.with_name("data2"))
    alive = _left(path, process=1)
    with write(path):
        assert not dead.exists()
    assert of_another.exists() and alive.exists()
