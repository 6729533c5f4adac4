"""What pages tell of datasets and their splits, read from the built datasets."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.data.audit.check import audit_folder
from molbench.data.audit.result import Audit, PartAudit, SchemeAudit
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.data import labelled_splits
from molbench.evaluation.kinds import kind_of
from molbench.paths import home
from molbench.spec.catalogue import Catalogue, TaskRef


@dataclass
class Facts:
    """Looks things up once.

    Attributes:
        catalogue: What tasks and datasets there are.
    """

    catalogue: Catalogue
    _tasks: dict[str, TaskRef | None] = field(default_factory=dict)
    _audits: dict[Path, Audit] = field(default_factory=dict)
    _stores: dict[tuple[Path, str | None], Store] = field(default_factory=dict)

    def task(self, name: str) -> TaskRef | None:
        """A task of the catalogue, of a cross-validation its first fold; None if there is none."""
        if name not in self._tasks:
            try:
                matches = [ref.at(0) for ref in self.catalogue.tasks([name]) if ref.id == name]
            except UserError:  # an older board may have a task that is gone
                matches = []
            self._tasks[name] = matches[0] if matches else None
        return self._tasks[name]

    def store(self, task: TaskRef) -> Store | None:
        """Its records; None where the dataset is not built here."""
        if task.folder is None:
            return None
        key = (task.folder, task.subset)
        if key not in self._stores:
            self._stores[key] = Store.open(*key)
        return self._stores[key]

    def labels(self, task: TaskRef) -> dict[str, np.ndarray]:
        """Labels of each split in the dataset's own unit, [n] or [n, points]; none where it is not built."""
        store = self.store(task)
        if store is None:
            return {}
        everything = kind_of(task.task).labels(task, store)
        splits = labelled_splits(task, store, everything)
        return {split: everything[rows] for split, rows in splits.items() if rows.size}

    def audit(self, folder: Path) -> Audit:
        """What the audit of a built dataset finds, kept for as long as the dataset stays the same."""
        if folder not in self._audits:
            self._audits[folder] = _kept(folder)
        return self._audits[folder]

    def part(self, task: TaskRef) -> PartAudit | None:
        """The audit of the part of a dataset that a task lives on."""
        if task.folder is None:
            return None
        return next((part for part in self.audit(task.folder).parts if part.subset == task.subset), None)

    def scheme(self, task: TaskRef) -> SchemeAudit | None:
        """The audit of a task's split."""
        part = self.part(task)
        return part.schemes.get(task.split_name) if part else None


def _kept(folder: Path) -> Audit:
    digest = sha256((folder / "manifest.json").read_bytes()).hexdigest()
    path = home() / "audits" / f"{digest[:32]}.json"
    try:
        return Audit.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError, UnicodeDecodeError):
        made = audit_folder(folder)
    with replace_file(path) as temporary:
        temporary.write_text(made.model_dump_json(), encoding="utf-8")
    return made
