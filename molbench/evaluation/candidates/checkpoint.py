"""A checkpoint file, and the same backbone with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from typing_extensions import override

from molbench.backbones import BACKBONES, build_backbone
from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate, NotApplicableError, Scored
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import require_name
from molbench.spec.protocol import Protocol
from molbench.training.checkpoint import Checkpoint, config_of

if TYPE_CHECKING:
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.execute import Workspace
    from molbench.evaluation.plan import Run
    from molbench.evaluation.protocol_predictions import StepCallback
    from molbench.evaluation.result import CheckpointEntry
    from molbench.spec.catalogue import TaskRef

SCRATCH = "scratch-"
#: Names that only baselines may have.
RESERVED = (FINGERPRINT,)


@dataclass(frozen=True)
class CheckpointCandidate(Candidate):
    """An encoder of this program.

    Attributes:
        name: Folder of its results: the file's stem, or ``scratch-<backbone>-<hash of its configuration>``.
        backbone: Name of the backbone.
        config: Its complete configuration.
        path: Where the weights are; None for weights drawn from the seed of each run.
    """

    kind: ClassVar[str] = "checkpoint"
    name: str
    backbone: str
    config: dict[str, Any]
    path: Path | None = None

    @classmethod
    def of_file(cls, path: Path) -> CheckpointCandidate:
        """The candidate stored in a checkpoint file.

        Raises:
            UserError: If the file is no sound checkpoint, or its name is reserved.
        """
        require_model_name(
            path.stem, f"{path}: results are kept under the name of the file, which has to be another"
        )
        backbone = Checkpoint.load(path).build()
        return cls(path.stem, backbone.name, config_of(backbone), path)

    @classmethod
    def untrained(cls, backbone: str, config: Mapping[str, Any] | None = None) -> CheckpointCandidate:
        """A backbone with random weights.

        Args:
            backbone: As registered.
            config: Fields of its configuration that differ from the defaults.

        Raises:
            UserError: If there is no such backbone or field.
        """
        return cls(backbone, backbone, config_of(build_backbone(backbone, config))).scratch()

    @property
    def is_scratch(self) -> bool:
        """Whether its weights are random."""
        return self.path is None

    def scratch(self) -> CheckpointCandidate:
        """The same backbone with random weights."""
        text = json.dumps(self.config, sort_keys=True)
        name = f"{SCRATCH}{self.backbone}-{sha256(text.encode()).hexdigest()[:8]}"
        return CheckpointCandidate(name, self.backbone, self.config)

    def checkpoint(self, seed: int) -> Checkpoint:
        """Its weights in a run with ``seed``."""
        if self.path is not None:
            return Checkpoint.load(self.path)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Checkpoint.of(build_backbone(self.backbone, self.config))

    @property
    def is_baseline(self) -> bool:
        """See :attr:`is_scratch`."""
        return self.is_scratch

    @override
    def encoder_digest(self, seed: int) -> str:
        return encoder_digest(self.checkpoint(seed))

    @override
    def unfit(self, task: TaskRef, protocol: Protocol) -> str | None:
        from molbench.evaluation.kinds import kind_of

        if BACKBONES[self.backbone].reads(RECORD_KINDS[task.dataset.record]):
            return kind_of(task.task).unfit(task, BACKBONES[self.backbone])
        return f"a '{self.backbone}' encodes pairs of molecules, and its records are none"

    @override
    def predict(
        self, run: Run, data: TaskData, workspace: Workspace, progress: StepCallback | None
    ) -> Scored:
        from molbench.evaluation.audits.marks import marks
        from molbench.evaluation.protocol_predictions import protocol_predictions

        checkpoint, protocol = self.checkpoint(run.seed), run.protocol
        if encoder_digest(checkpoint) != run.encoder_digest:
            raise run.changed()
        if not isinstance(protocol, Protocol):
            raise TypeError(f"{self.name} is an encoder, and '{protocol.name}' does without one")
        backbone = checkpoint.build()
        try:
            backbone.check_records(data.store)
        except UserError as error:
            raise NotApplicableError(str(error)) from error
        # Training changes the encoder, so its laws are tried before; random weights are of the same build.
        broken = marks(run.encoder_digest, backbone) if data.kind.learns and not self.is_scratch else []
        predictions, throughput = protocol_predictions(
            backbone,
            data,
            protocol,
            run.seed,
            workspace.device,
            embedding=workspace.embedding(run, backbone) if run.shares_vectors else None,
            state=run.state,
            key=run.key,
            progress=progress,
        )
        return Scored(self.entry(run.encoder_digest, checkpoint), predictions, throughput, broken)

    def entry(self, encoder_digest: str, checkpoint: Checkpoint) -> CheckpointEntry:
        """What is told of it in its results."""
        from molbench.evaluation.result import CheckpointEntry

        return CheckpointEntry(
            name=self.name,
            encoder_digest=encoder_digest,
            scratch=self.is_scratch,
            baseline=self.scratch().name,
            backbone=self.backbone,
            config=self.config,
            method=checkpoint.method,
            method_config=checkpoint.method_config,
            pretraining=checkpoint.pretraining,
            parameters=sum(weight.numel() for weight in checkpoint.build().parameters()),
        )

    @override
    def reference(self) -> dict[str, Any]:
        return {**asdict(self), "path": self.path and str(self.path.absolute())}

    @classmethod
    @override
    def of_reference(cls, reference: Mapping[str, Any]) -> CheckpointCandidate:
        path = reference["path"]
        return cls(**{**reference, "path": Path(path) if path else None})


def require_model_name(name: str, what: str) -> str:
    """A name that the results of a model may have.

    Args:
        name: The name.
        what: What is called so, for the message.

    Raises:
        UserError: If it is none, or kept for baselines.
    """
    require_name(name, what)
    if name.startswith(SCRATCH) or name in RESERVED:
        kept = ", ".join(f"'{reserved}'" for reserved in RESERVED)
        raise UserError(
            f"{what}: {kept} and names that start with '{SCRATCH}' are kept for baselines; choose another, "
            "or rename the file"
        )
    return name


def encoder_digest(checkpoint: Checkpoint) -> str:
    """SHA-256 over weights, backbone and configuration: equal where the encoder computes the same."""
    backbone = build_backbone(checkpoint.backbone, checkpoint.config)
    parts = [checkpoint.digest, checkpoint.backbone, config_of(backbone)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
