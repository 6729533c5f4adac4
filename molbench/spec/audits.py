"""``audits.yaml``: what is asked of encoders themselves, as tasks whose ids begin with ``audit/``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from molbench.spec.base import Spec
from molbench.spec.catalogue import AUDIT, DatasetEntry
from molbench.spec.dataset import Dataset, Target
from molbench.spec.exclusions import Exclusions
from molbench.spec.names import Name
from molbench.spec.tasks import Task, Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

_DEVIATION = "deviation"
_CAVEAT = "Only what breaks a tolerance says something bad of an encoder; less than that is no better."


class DeclaredAudit(Spec):
    """One audit.

    Attributes:
        version: Raised whenever its numbers change.
        tolerance: What no record's number may pass; None where it is told and not judged.
        records: How many test records are looked at, evenly taken.
        why: What the number is, in a sentence.
    """

    version: int = 1
    tolerance: float | None = None
    records: int = Field(default=16, ge=1)
    why: str


class AuditGroup(Spec):
    """Audits on the records of one dataset."""

    dataset: Name
    scheme: str
    audits: dict[Name, DeclaredAudit]


class Audits(Spec):
    """``audits.yaml``."""

    groups: dict[Name, AuditGroup]


@dataclass(frozen=True)
class AuditEntry(DatasetEntry):
    """A dataset as the audits on its records see it: without labels of its own.

    Attributes:
        group: Its audits.
    """

    group: AuditGroup

    @cached_property
    def dataset(self) -> Dataset:
        """With what an audit measures in the place of its targets."""
        target = Target(unit="1", description="What an audit measures; zero where a law is kept.")
        return super().dataset.model_copy(update={"targets": {_DEVIATION: target}, "spectra": {}})

    @cached_property
    def tasks(self) -> Tasks:
        """An audit as a task."""
        return Tasks(tasks={name: self._task(audit) for name, audit in self.group.audits.items()})

    @cached_property
    def exclusions(self) -> Exclusions:
        """None: records are looked at, not predicted."""
        return Exclusions()

    def _task(self, audit: DeclaredAudit) -> Task:
        return Task(
            kind=AUDIT,
            target=_DEVIATION,
            metrics=[_DEVIATION],
            unit="1",
            scheme=self.group.scheme,
            standardise=False,
            caveats=[_CAVEAT],
            **audit.model_dump(),
        )


def audit_entries(path: Path, find: Callable[[str], DatasetEntry | None]) -> list[DatasetEntry]:
    """The datasets that audits look at, from the file that declares them.

    Args:
        path: ``audits.yaml``.
        find: Name of a dataset to the dataset; None where there is none.
    """
    from molbench.spec.document import read_yaml

    groups = read_yaml(path, Audits).groups.values() if path.is_file() else ()
    return [
        AuditEntry(AUDIT, entry.folder, group)
        for group in groups
        if (entry := find(group.dataset)) is not None
    ]
