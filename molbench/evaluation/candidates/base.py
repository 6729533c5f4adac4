"""What every candidate says of itself, whatever it is: a checkpoint, a table, a file of predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from molbench.errors import UserError
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.predictions import Predictions
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.evaluation.result import CheckpointEntry
    from molbench.spec.catalogue import TaskRef
    from molbench.spec.recipe import Recipe

#: In the place of a backbone's name: whatever encodes or predicts is not of this program.
EXTERNAL = "external"


class NotApplicableError(UserError):
    """A task asks for what a candidate does not support: no failure, and no score either."""


@dataclass(frozen=True)
class NotApplicable:
    """A candidate and a task that do not go together.

    Attributes:
        candidate: Name of the candidate.
        task: Id of the task.
        reason: Why.
    """

    candidate: str
    task: str
    reason: str


@dataclass(frozen=True)
class Refusal:
    """A model or a task that is not evaluated at all, where others are.

    Attributes:
        name: Of the model, its file, or the task.
        reason: What is wrong with it.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return self.reason if self.reason.startswith(self.name) else f"{self.name}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Scored:
    """What a candidate makes of a run.

    Attributes:
        entry: What was scored.
        predictions: For the test split.
        throughput: Records per second of each stage.
        warnings: What is told beside the score.
    """

    entry: CheckpointEntry
    predictions: Predictions
    throughput: dict[str, float]
    warnings: list[str] = field(default_factory=list)


class Candidate(ABC):
    """One model that is scored. Workers are given names and paths: see :meth:`reference`.

    Attributes:
        kind: Under which workers find the class.
        name: Folder of its results.
    """

    kind: ClassVar[str]
    name: str

    @property
    def is_baseline(self) -> bool:
        """Whether it is no model of the user's, so that its name says all of what it is."""
        return False

    def recipe(self, protocol: Protocol) -> Recipe:
        """How it is scored where ``protocol`` is asked for."""
        return protocol

    def seeds(self, task: TaskRef, asked: Sequence[int]) -> Sequence[int]:  # noqa: ARG002 - of all tasks alike
        """Seeds of its runs on a task where ``asked`` are wanted."""
        return asked

    @abstractmethod
    def encoder_digest(self, seed: int) -> str:
        """SHA-256 of what predicts in a run with ``seed``: equal where it computes the same."""

    @abstractmethod
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        """Why a task is none for it, from declarations alone, or None where it is one."""

    def prepare(self, run: Run, workspace: Workspace) -> None:  # noqa: B027 - most have nothing to do
        """Do what only the process that plans can do, before a run is executed anywhere.

        Raises:
            NotApplicableError: If the records turn out to be none for it.
            UserError: If it fails.
        """

    @abstractmethod
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        """Predict the test split of a run.

        Args:
            run: The plan.
            data: Records and labels.
            workspace: What is shared with other runs.
            progress: Called after each training step.

        Raises:
            NotApplicableError: If the records turn out to be none for it.
            UserError: If it is no longer what was planned, or fails.
        """

    @abstractmethod
    def reference(self) -> dict[str, Any]:
        """JSON from which :meth:`of_reference` makes it again in another process."""

    @classmethod
    @abstractmethod
    def of_reference(cls, reference: Mapping[str, Any]) -> Candidate:
        """See :meth:`reference`."""


def external_entry(
    name: str, encoder_digest: str, pretraining: Mapping[str, Any] | None = None
) -> CheckpointEntry:
    """What is told of a model that is not of this program; it has no baseline but itself."""
    from molbench.evaluation.result import CheckpointEntry

    return CheckpointEntry(
        name=name,
        encoder_digest=encoder_digest,
        scratch=False,
        baseline=name,
        backbone=EXTERNAL,
        config={},
        method=None,
        method_config={},
        pretraining=dict(pretraining or {}),
    )
