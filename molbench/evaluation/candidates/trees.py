"""The fingerprint baseline, which is its own protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from molbench.evaluation.candidates.base import Candidate, Scored
from molbench.spec.fingerprint import FINGERPRINT, Boosting
from molbench.spec.protocol import Protocol

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True)
class FingerprintCandidate(Candidate):
    """Boosted trees on fingerprints.

    Attributes:
        settings: Size and number of trees.
    """

    kind: ClassVar[str] = FINGERPRINT
    settings: Boosting
    name: str = FINGERPRINT

    @property
    def is_baseline(self) -> bool:
        """Always."""
        return True

    @override
    def recipe(self, protocol: Protocol) -> Boosting:
        return self.settings

    @override
    def encoder_digest(self, seed: int) -> str:
        return self.settings.digest

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        from molbench.evaluation.fingerprint import unfit

        return unfit(task)

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        from molbench.evaluation.fingerprint import boost
        from molbench.evaluation.result import CheckpointEntry
        from molbench.evaluation.train import as_predictions

        entry = CheckpointEntry(
            name=self.name,
            encoder_digest=run.encoder_digest,
            scratch=False,
            baseline=self.name,
            backbone=self.name,
            config={},
            method=None,
            method_config={},
            pretraining={},
        )
        return Scored(entry, as_predictions(data, boost(data, self.settings, run.seed)), {})

    @override
    def reference(self) -> dict[str, Any]:
        return self.settings.model_dump()

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> FingerprintCandidate:
        return cls(Boosting.model_validate(reference))
