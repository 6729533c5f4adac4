"""Folders of datasets that cannot be read: each costs itself, is told once, and no other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.paths import catalogue_root, is_file

if TYPE_CHECKING:
    from molbench.spec.catalogue import DatasetEntry

MANIFEST = "manifest.json"


class DamagedDatasetWarning(UserWarning):
    """A folder is passed over, since what it holds cannot be read."""


def damage_of(entry: DatasetEntry) -> str | None:
    """What is wrong with the files of a dataset, a line a fault; None where they can be read.

    Declarations of the catalogue itself are not looked at: a mistake there is an error where it is read.
    """
    if entry.folder.parent == catalogue_root() / "datasets":
        return None
    try:
        _ = entry.dataset, entry.splits, entry.tasks, entry.exclusions
        damaged = (entry.folder / MANIFEST).exists() and not entry.built_schemes
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{entry.folder}: cannot be read: {error.strerror}"
    return f"{entry.folder / MANIFEST}: damaged; build or fetch it again" if damaged else None


@cache
def tell_damage(reason: str) -> None:
    """Warn of the first fault once a process, however often the folder is met."""
    warnings.warn(f"passed over: {reason.splitlines()[0]}", DamagedDatasetWarning, stacklevel=2)


def entries_in(folder: Path) -> Iterator[DatasetEntry]:
    """The dataset that a folder is, or those that it holds; what may not be looked at is told."""
    from molbench.spec.catalogue import DatasetEntry
    from molbench.spec.names import is_name

    try:
        if is_file(folder / "dataset.yaml"):
            yield DatasetEntry.at(folder)
            return
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except UserError as error:
        tell_damage(str(error))
        return
    except OSError as error:
        tell_damage(f"{folder}: cannot be read: {error.strerror}")
        return
    for path in paths:
        if is_name(path.name) and _may_be_dataset(path):
            yield DatasetEntry(path.name, path)


def _may_be_dataset(path: Path) -> bool:
    """Whether a folder holds a file of a dataset, or does not tell."""
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        return True
    return is_file(path / "dataset.yaml") or is_file(path / MANIFEST)
