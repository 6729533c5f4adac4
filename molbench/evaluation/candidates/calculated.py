"""An ASE calculator: energies and forces as it gives them, without any training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from molbench.evaluation.candidates.base import Candidate, Scored, external_entry
from molbench.evaluation.candidates.external import prepared, read_prepared
from molbench.spec.direct import Direct
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True, eq=False)
class CalculatedCandidate(Candidate):
    """A calculator in the process that was given it; in others what that one prepared.

    Attributes:
        name: Folder of its results.
        digest: Of what it computes.
        pretraining: What its owner says of its training.
        calculator: The calculator itself; None in other processes.
    """

    kind: ClassVar[str] = "calculator"
    name: str
    digest: str
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    calculator: Any = None

    @override
    def recipe(self, protocol: Protocol) -> Direct:
        return Direct()

    @override
    def encoder_digest(self, seed: int) -> str:
        return self.digest

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        from molbench.evaluation.kinds import kind_of

        if kind_of(task.task).reads_forces:
            return None
        return f"a calculator gives energies and forces, and this is a task of kind '{task.task.kind}'"

    @override
    def prepare(self, run: Run, workspace: Workspace) -> None:
        from molbench.evaluation.external.calculator import calculate
        from molbench.evaluation.tested import TestRecords

        if self.calculator is not None and not prepared(run).is_file():
            store = workspace.store(run)
            predictions = calculate(self.calculator, self.name, TestRecords.read(run.task, store), store)
            predictions.write(prepared(run))

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        entry = external_entry(self.name, run.encoder_digest, self.pretraining)
        return Scored(entry, read_prepared(run, data.store), {})

    @override
    def reference(self) -> dict[str, Any]:
        return {"name": self.name, "digest": self.digest, "pretraining": dict(self.pretraining)}

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> CalculatedCandidate:
        return cls(reference["name"], reference["digest"], reference["pretraining"])
