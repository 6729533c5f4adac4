"""What is declared of an imported file: before it is built all that may be, afterwards all that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from molbench.data.build.importing.labels import asked_forces, asked_labels
from molbench.data.build.importing.probe import Probe, probe
from molbench.data.build.importing.schemes import fitting_schemes
from molbench.data.folder.columns import stream_columns
from molbench.data.folder.manifest import Manifest, file_entry
from molbench.spec.dataset import Dataset, SourceFile, Target
from molbench.spec.imports import ImportRequest, Labelled
from molbench.spec.splits import Scheme, Splits
from molbench.spec.tasks import Task, Tasks

_METRICS = {
    "regression": ["mae", "rmse", "r2"],
    "classification": ["auroc", "average_precision", "f1", "accuracy"],
    "forces": ["force_mae", "energy_mae"],
}
FORCES_TASK = "forces"


@dataclass(frozen=True)
class Declared:
    """What is known of a file before it is built.

    Attributes:
        request: What is asked for.
        probe: What the file is.
        labels: Labels, with their units.
        forces: Forces, with their unit.
    """

    request: ImportRequest
    probe: Probe
    labels: Sequence[Labelled]
    forces: Labelled | None

    @classmethod
    def of(cls, request: ImportRequest) -> Declared:
        """Look into the file and find in it what is asked for.

        Raises:
            UserError: If something is not there.
        """
        seen = probe(request)
        labels = asked_labels(request, seen)
        return cls(request, seen, labels, asked_forces(request, seen, labels))

    @property
    def dataset(self) -> Dataset:
        """``dataset.yaml``."""
        request, path = self.request, self.request.path
        content = file_entry(path)
        options: dict[str, Any] = {**self.probe.options}
        if self.labels:
            options["targets"] = {label.name: label.source for label in self.labels}
        if self.probe.parser != "xyz":
            options |= {"id": request.id} if request.id else {"prefix": request.dataset}
        options |= {"forces": self.forces.source} if self.forces else {}
        what = "pairs" if self.probe.record == "pair" else "molecules"
        return Dataset(
            name=request.dataset,
            version="1.0.0",
            title=request.dataset,
            summary=f"{'Labelled' if self.labels else 'Unlabelled'} {what} imported from `{path.name}`.",
            record=self.probe.record,
            licence=request.licence,
            citation=[],
            parser=self.probe.parser,
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
        return self.splits_of(fitting_schemes(self.request, self.probe, bool(self.labels)))

    def splits_of(self, schemes: dict[str, Scheme]) -> Splits:
        """``splits.yaml`` of some schemes."""
        clusters: dict[str, list[Any]] = {
            "molecule": ["molecule"],
            "trajectory": ["block"],
            "pair": ["solute", "solvent"] if self.request.ordered else ["drug"],
        }
        kind = "pair" if self.probe.record == "pair" else self.probe.place
        return Splits(cluster=clusters[kind] if self.labels else [], schemes=schemes)

    def tasks(self, schemes: Sequence[str], built: Path | None = None) -> Tasks:
        """``tasks.yaml``: one task a label, on some schemes.

        Args:
            schemes: Names, the default first.
            built: The built folder, whose labels tell classes from numbers.
        """
        tasks = {}
        for label in self.labels:
            kind = "classification" if built is not None and _two_classes(built, label) else "regression"
            tasks[label.name] = self._task(label, label, kind, schemes)
        if self.forces:
            tasks[FORCES_TASK] = self._task(self.labels[0], self.forces, "forces", schemes)
        return Tasks(tasks=tasks)

    @property
    def _identity(self) -> Literal["pair", "frame", "group", "inchikey"]:
        if self.probe.record == "pair":
            return "pair"
        if self.probe.parser == "xyz":
            return "inchikey"
        return "frame" if self.probe.place == "trajectory" else "group"

    def _task(self, target: Labelled, scored: Labelled, kind: str, schemes: Sequence[str]) -> Task:
        return Task(
            kind=kind,
            target=target.name,
            metrics=_METRICS[kind],
            unit=scored.scored or str(scored.unit),
            scheme=schemes[0],
            schemes=list(schemes),
            standardise=kind != "classification",
            why=f"`{scored.source}` of {self.request.path.name}; say here what a good score tells.",
        )


def _target(label: Labelled) -> Target:
    return Target(unit=str(label.unit), description=f"`{label.source}` of the file")


def _two_classes(folder: Path, label: Labelled) -> bool:
    """Whether every value is 0 or 1, and both occur."""
    seen: set[float] = set()
    for part in Manifest.read(folder).by_subset.values():
        for table in stream_columns(folder, part, [label.name]):
            seen |= set(np.unique(table.column(0).drop_null().to_numpy()).tolist())
            if not seen <= {0.0, 1.0}:
                return False
    return seen == {0.0, 1.0} and label.unit == "1"
