"""What is scored: a checkpoint file, the same backbone with random weights, or the fingerprint baseline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import require_name
from molbench.training.checkpoint import Checkpoint, config_of

SCRATCH = "scratch-"


@dataclass(frozen=True)
class Candidate:
    """One model that is scored.

    Attributes:
        name: Folder of its results: the file's stem, or ``scratch-<backbone>-<hash of its configuration>``.
        backbone: Name of the backbone.
        config: Its complete configuration.
        path: Where the weights are; None for weights drawn from the seed of each run.
    """

    name: str
    backbone: str
    config: dict[str, Any]
    path: Path | None = None

    @classmethod
    def of_file(cls, path: Path) -> Candidate:
        """The candidate stored in a checkpoint file.

        Raises:
            UserError: If the file is no sound checkpoint, or its name is reserved.
        """
        require_name(
            path.stem, f"{path}: results are kept under the name of the file, which has to be another"
        )
        if path.stem.startswith(SCRATCH) or path.stem == FINGERPRINT:
            raise UserError(
                f"{path}: '{FINGERPRINT}' and names that start with '{SCRATCH}' are kept for baselines; "
                "rename the file"
            )
        backbone = Checkpoint.load(path).build()
        return cls(path.stem, backbone.name, config_of(backbone), path)

    @property
    def is_scratch(self) -> bool:
        """Whether its weights are random."""
        return self.path is None

    def scratch(self) -> Candidate:
        """The same backbone with random weights."""
        text = json.dumps(self.config, sort_keys=True)
        name = f"{SCRATCH}{self.backbone}-{sha256(text.encode()).hexdigest()[:8]}"
        return Candidate(name, self.backbone, self.config)

    def checkpoint(self, seed: int) -> Checkpoint:
        """Its weights in a run with ``seed``."""
        if self.path is not None:
            return Checkpoint.load(self.path)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Checkpoint.of(build_backbone(self.backbone, self.config))


def identity(checkpoint: Checkpoint) -> str:
    """SHA-256 over weights, backbone and configuration: equal where the encoder computes the same."""
    backbone = build_backbone(checkpoint.backbone, checkpoint.config)
    parts = [checkpoint.digest, checkpoint.backbone, config_of(backbone)]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def gather(paths: Sequence[Path], scratch: bool) -> list[Candidate]:
    """Candidates of several files, followed by the scratch baseline of each different backbone among them.

    Raises:
        UserError: If two files have the same stem, so that their results would share a folder.
    """
    candidates = [Candidate.of_file(path) for path in paths]
    names = [candidate.name for candidate in candidates]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two checkpoints are called '{twice}' and would share a results folder; rename one")
    baselines = {candidate.scratch().name: candidate.scratch() for candidate in candidates}
    return candidates + (list(baselines.values()) if scratch else [])
