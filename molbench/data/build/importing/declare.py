"""What is declared of an imported file: before it is built all that may be, afterwards all that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from molbench.data.build.importing.inspection import Content, Inspection, inspect_file
from molbench.data.build.importing.labels import asked_forces, asked_labels
from molbench.data.build.importing.schemes import fitting_schemes
from molbench.data.folder.columns import stream_columns
from molbench.data.folder.manifest import Manifest, file_entry
from molbench.spec.dataset import Dataset, SourceFile, Target
from molbench.spec.imports import ImportRequest, Labelled
from molbench.spec.splits import Scheme, Splits
from molbench.spec.tasks import TASK_KINDS, Task, Tasks

_Identity = Literal["pair", "frame", "group", "inchikey"]

FORCES_TASK = "forces"
#: Columns of more different values are numbers, whatever they mean.
_FEW = 100


@dataclass(frozen=True)
class Declared:
    """What is known of a file before it is built.

    Attributes:
        request: What is asked for.
        inspection: What the file is.
        labels: Labels, with their units.
        forces: Forces, with their unit.
    """

    request: ImportRequest
    inspection: Inspection
    labels: Sequence[Labelled]
    forces: Labelled | None

    @classmethod
    def of(cls, request: ImportRequest) -> Declared:
        """Look into the file and find in it what is asked for.

        Raises:
            UserError: If something is not there.
        """
        seen = inspect_file(request)
        labels = asked_labels(request, seen)
        return cls(request, seen, labels, asked_forces(request, seen, labels))

    @property
    def dataset(self) -> Dataset:
        """``dataset.yaml``."""
        request, path = self.request, self.request.path
        content = file_entry(path)
        options: dict[str, Any] = {**self.inspection.options}
        if self.labels:
            options["targets"] = {label.name: label.source for label in self.labels}
        if self.inspection.parser != "xyz":
            options |= {"id": request.id} if request.id else {"prefix": request.dataset}
        what = f"{self.inspection.record}s"
        options |= {"forces": self.forces.source} if self.forces else {}
        return Dataset(
            name=request.dataset,
            version="1.0.0",
            title=request.dataset,
            summary=f"{'Labelled' if self.labels else 'Unlabelled'} {what} imported from `{path.name}`.",
            record=self.inspection.record,
            licence=request.licence,
            citation=[],
            parser=self.inspection.parser,
            options=options,
            sources={"file": SourceFile(filename=path.name, size=content.size, sha256=content.sha256)},
            targets={label.name: _target(label) for label in self.labels},
            forces=_target(self.forces) if self.forces else None,
            max_failures=request.max_failures,
            identity=self._identity,
            ordered=request.ordered,
        )

    @property
    def splits(self) -> Splits:
        """``splits.yaml`` with every scheme that may fit."""
        return self.splits_of(fitting_schemes(self.request, self.inspection, bool(self.labels)))

    def splits_of(self, schemes: dict[str, Scheme]) -> Splits:
        """``splits.yaml`` of some schemes."""
        clusters: dict[Content, list[Any]] = {
            "molecules": ["molecule"],
            "trajectory": ["block"],
            "pairs": ["solute", "solvent"] if self.request.ordered else ["drug"],
        }
        cluster = clusters[self.inspection.content] if self.labels else []
        return Splits(cluster=cluster, schemes=schemes)

    def tasks(self, schemes: Sequence[str], built: Path | None = None) -> Tasks:
        """``tasks.yaml``: one task a label, on some schemes.

        Args:
            schemes: Names, the default first.
            built: The built folder, whose labels tell classes from numbers.
        """
        tasks = {}
        for label in self.labels:
            tasks[label.name] = self._task(label, label, _kind_of(label, built), schemes)
        if self.forces:
            tasks[FORCES_TASK] = self._task(self.labels[0], self.forces, "forces", schemes)
        return Tasks(tasks=tasks)

    @property
    def _identity(self) -> _Identity:
        if self.inspection.parser == "xyz":
            return "inchikey"
        identities: dict[Content, _Identity] = {"molecules": "group", "trajectory": "frame", "pairs": "pair"}
        return identities[self.inspection.content]

    def _task(self, target: Labelled, scored: Labelled, kind: str, schemes: Sequence[str]) -> Task:
        usual = TASK_KINDS[kind]
        return Task(
            kind=kind,
            target=target.name,
            metrics=[*usual.usual_metrics],
            unit=scored.scored or str(scored.unit),
            scheme=schemes[0],
            schemes=list(schemes),
            standardise=usual.standardised,
            why=f"`{scored.source}` of {self.request.path.name}; say here what a good score tells.",
        )


def _target(label: Labelled) -> Target:
    return Target(unit=str(label.unit), description=f"`{label.source}` of the file")


def _kind_of(label: Labelled, built: Path | None) -> str:
    """The kind of task that recognises the values of a label, where they are known; else the usual one."""
    usual: str = Task.model_fields["kind"].default
    values = None if built is None else _few_values(built, label.name)
    if values is None:
        return usual
    return next((name for name in TASK_KINDS if TASK_KINDS[name].recognises(values, str(label.unit))), usual)


def _few_values(folder: Path, column: str) -> set[float] | None:
    """The different values of a column, or None where these are many."""
    values: set[float] = set()
    for part in Manifest.read(folder).by_subset.values():
        for table in stream_columns(folder, part, [column]):
            values |= set(np.unique(table.column(0).drop_null().to_numpy()).tolist())
            if len(values) > _FEW:
                return None
    return values
