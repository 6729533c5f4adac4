"""A table of vectors, which is all that is known of the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate, Scored, external_entry
from molbench.evaluation.vectors.table import VectorTable
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True)
class TabulatedCandidate(Candidate):
    """An encoder whose vectors somebody hands in.

    Attributes:
        name: Folder of its results.
        path: The table.
    """

    kind: ClassVar[str] = "table"
    name: str
    path: Path

    @property
    def _table(self) -> VectorTable:
        return _opened(self.path, self.path.stat().st_mtime_ns)

    @property
    def width(self) -> int:
        """Numbers in a vector of the table."""
        return int(self._table.vectors.shape[1])

    @override
    def encoder_digest(self, seed: int) -> str:
        return self._table.digest

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        from molbench.evaluation.vectors.features import lacks

        return needs_more_than_vectors(task, protocol) or lacks(self._table, task)

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        from molbench.evaluation.probe import probe
        from molbench.evaluation.train import as_predictions
        from molbench.evaluation.vectors.features import record_vectors

        if not isinstance(run.protocol, Protocol):
            raise TypeError(f"{self.name} is scored by a protocol")
        if self._table.digest != run.encoder_digest:
            raise run.changed()
        vectors = record_vectors(self._table, run.task, data.store)
        used = [data.rows[split] for split in ("train", "test")]
        for rows in used:
            if (missing := rows[~_complete(vectors[rows])]).size:
                name = data.store.ids[int(missing[0])]
                raise UserError(f"{self.path}: no vector of record '{name}' of {run.task.id}")
        values = probe(vectors, data, run.protocol, run.seed)
        return Scored(external_entry(self.name, run.encoder_digest), as_predictions(data, values), {})

    @override
    def reference(self) -> dict[str, Any]:
        return {"name": self.name, "path": str(self.path.absolute())}

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> TabulatedCandidate:
        return cls(reference["name"], Path(reference["path"]))


def needs_more_than_vectors(task: TaskRef, protocol: Protocol) -> str | None:
    """Why vectors alone do not do for a task, or None where they do."""
    from molbench.evaluation.kinds import kind_of

    if not kind_of(task.task).learns:
        return "an audit asks the encoder itself, of which there are only vectors"
    if protocol.kind != "probe":
        return f"protocol '{protocol.name}' trains the encoder, of which there are only vectors"
    if not kind_of(task.task).probes_vectors:
        return f"a task of kind '{task.task.kind}' needs gradients of the encoder; there are only vectors"
    return None


def _complete(vectors: Any) -> Any:
    import numpy as np

    return np.isfinite(vectors).all(axis=1)


@lru_cache(maxsize=1)
def _opened(path: Path, modified: int) -> VectorTable:  # noqa: ARG001 - a file that changed is read again
    return VectorTable.read(path)
