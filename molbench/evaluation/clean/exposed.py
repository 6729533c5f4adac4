"""What the corpora that a checkpoint declares show of the records it is scored on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from molbench.data.leakage.attach import left_out
from molbench.data.leakage.exposure import Exposure, kept_exposure
from molbench.data.leakage.sides import Split, all_records, corpus, tested
from molbench.errors import UserError, quoted
from molbench.evaluation.result import CheckpointEntry
from molbench.paths import catalogue_root
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.dataset import PARTIAL
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import is_name
from molbench.spec.provenance import stages

_SILENT = "it does not say what it was pretrained on"

#: Id of a record to whether it was seen, and its largest similarity (NaN where that cannot be told).
Records = dict[str, tuple[bool, float]]


class UnjudgedError(UserError):
    """Why it cannot be told what a model has seen."""


@dataclass
class Corpora:
    """Compares tasks with corpora, each pair of them once.

    Attributes:
        catalogue: Datasets that are built here.
    """

    catalogue: Catalogue
    _splits: dict[str, Split] = field(default_factory=dict)
    _known: dict[tuple[str, str, bool], Exposure | None] = field(default_factory=dict)

    def records(self, entry: CheckpointEntry, task_id: str) -> Records:
        """What a model has seen of the records of a task; nothing where it was not pretrained.

        Raises:
            UnjudgedError: If it does not say what it was pretrained on, or a dataset is not built here.
        """
        if entry.scratch or entry.name == FINGERPRINT:
            return {}
        if not (history := stages(entry.pretraining)):
            raise UnjudgedError(_SILENT)
        test = self._test(task_id)
        merged: Records = {}
        for stage in history:
            source = self._source(stage)
            spared = left_out(stage, test.side.name) == "molecule"
            key = (source.side.model_dump_json(), test.side.name, spared)
            if key not in self._known:
                self._known[key] = kept_exposure(test, source, without_test=spared)
            if (shown := self._known[key]) is None:
                raise UnjudgedError(f"{test.side.name} and {source.side.name} have nothing to be compared by")
            for name, seen, similarity in zip(shown.ids, shown.seen, shown.similarity, strict=True):
                before = merged.get(name, (False, float("nan")))
                merged[name] = (before[0] or bool(seen), float(np.fmax(before[1], similarity)))
        return merged

    def _test(self, task_id: str) -> Split:
        if task_id not in self._splits:
            try:
                matches = [ref for ref in self.catalogue.tasks([task_id]) if ref.id == task_id]
                if not matches:
                    raise UserError(f"{quoted(task_id)} is no task")
                ref: TaskRef = replace(matches[0], fold=None)
                self._splits[task_id] = tested(ref)
            except UserError as error:
                raise UnjudgedError(str(error)) from error
        return self._splits[task_id]

    def _source(self, stage: dict[str, Any]) -> Split:
        name, digest = stage.get("dataset"), stage.get("digest")
        entry = self.catalogue.entries.get(name) if isinstance(name, str) else None
        if entry is None or not entry.built:
            raise UnjudgedError(
                f"its corpus '{name}' is not built here{self._command(stage)}" if name else _SILENT
            )
        subset, scheme = stage.get("subset"), stage.get("scheme")
        if not isinstance(subset, str | None) or not isinstance(scheme, str | None):
            raise UnjudgedError(f"it names no part of its corpus '{name}' that there could be")
        try:
            split = corpus(entry.folder, subset, scheme) if scheme else all_records(entry.folder, subset)
        except UserError as error:
            raise UnjudgedError(str(error)) from error
        if digest != split.side.digest:
            raise UnjudgedError(
                f"its corpus '{name}' ({str(digest)[:12]}) is not the one that is built here "
                f"({split.side.digest[:12]}){self._command(stage)}"
            )
        return split

    def _command(self, stage: dict[str, Any]) -> str:
        """What makes the corpus of a stage, as far as it tells."""
        name, subset = str(stage["dataset"]), stage.get("subset")
        if not is_name(name):
            return ""
        declared = name.removesuffix(PARTIAL)
        if not (catalogue_root() / "datasets" / declared).is_dir():
            return f"; it is in no catalogue: `molbench data import FILE --name {name}` makes it of its file"
        words = f"{declared}{f' --subset {subset}' if subset else ''}"
        partial = " --allow-partial, from the same raw files" if name.endswith(PARTIAL) else ""
        return f": `molbench data build {words}`{partial}"
