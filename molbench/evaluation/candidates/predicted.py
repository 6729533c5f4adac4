"""A file of predictions, which are all that is known of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from molbench.evaluation.candidates.base import Candidate, Scored, external_entry
from molbench.evaluation.handed_in.predictions import PredictionsFile, opened
from molbench.spec.direct import Direct
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True)
class PredictedCandidate(Candidate):
    """A model whose predictions somebody hands in.

    Attributes:
        name: Folder of its results.
        path: The file.
    """

    kind: ClassVar[str] = "predictions"
    name: str
    path: Path

    @property
    def _file(self) -> PredictionsFile:
        return opened(self.path, self.path.stat().st_mtime_ns)

    @override
    def recipe(self, protocol: Protocol) -> Direct:
        return Direct()

    @override
    def seeds(self, task: TaskRef, asked: Sequence[int]) -> Sequence[int]:
        return self._file.seeds(task.id)

    @override
    def encoder_digest(self, seed: int) -> str:
        return self._file.digest

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        return None if task.id in self._file.tasks else "the file has no predictions for it"

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        from molbench.evaluation.tested import TestRecords

        if self._file.digest != run.encoder_digest:
            raise run.changed()
        predictions = self._file.of(TestRecords.read(run.task, data.store), run.seed)
        return Scored(external_entry(self.name, run.encoder_digest), predictions, {})

    @override
    def reference(self) -> dict[str, Any]:
        return {"name": self.name, "path": str(self.path.absolute())}

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> PredictedCandidate:
        return cls(reference["name"], Path(reference["path"]))
