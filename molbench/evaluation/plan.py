"""Which runs there are, and what each of them depends on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from molbench.backbones import BACKBONES
from molbench.data.folder.manifest import Manifest
from molbench.data.records import RECORD_KINDS
from molbench.data.records.base import RecordKind
from molbench.errors import UserError
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.candidate import Candidate, identity
from molbench.evaluation.fingerprint import unfit
from molbench.evaluation.kinds import kind_of
from molbench.metrics import METRICS
from molbench.spec.catalogue import TaskRef
from molbench.spec.dataset import PARTIAL
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol


@dataclass(frozen=True)
class Data:
    """The records behind a task, named by content.

    Attributes:
        digest: Content digest of the dataset, or of the subset.
        split: Digest of the records that the task's scheme uses: ids, splits, labels and atoms. A score
            depends on these alone, not on whatever else was built.
        partial: Whether some of them are missing.
    """

    digest: str
    split: str
    partial: bool


@dataclass(frozen=True)
class Run:
    """One candidate on one task under one protocol with one seed.

    Attributes:
        protocol: The one asked for; the fingerprint baseline is its own.
        identity: SHA-256 of the encoder: weights, backbone and configuration.
        data: What the records were when it was planned.
        key: SHA-256 over everything the score depends on.
        folder: Where its result belongs.
    """

    candidate: Candidate | Boosting
    task: TaskRef
    protocol: Protocol | Boosting
    seed: int
    identity: str
    data: Data
    key: str
    folder: Path

    @property
    def shares_vectors(self) -> bool:
        """Whether it needs nothing of its encoder but vectors, which other tasks and seeds need, too."""
        return self.protocol.kind == "probe" and kind_of(self.task.task).probes_vectors


def plan(
    candidates: Sequence[Candidate | Boosting],
    tasks: Sequence[TaskRef],
    protocol: Protocol,
    seeds: Sequence[int],
    output: Path,
) -> list[Run]:
    """Every combination that there is, in the order task, candidate, seed.

    Raises:
        UserError: If a dataset is not built, a build lacks a split scheme, or a task cannot be scored.
    """
    _refuse_missing(tasks)
    for task in tasks:
        kind_of(task.task).check(task, protocol)
        for candidate in candidates:
            if isinstance(candidate, Boosting):
                continue
            if not BACKBONES[candidate.backbone].reads(_record_of(task)):
                raise UserError(
                    f"{candidate.name} is a '{candidate.backbone}', which encodes pairs of molecules; "
                    f"{task.id} has none"
                )
    folds = {(task.id, seed): task.at(seed) for task in tasks for seed in seeds}
    data = {place: data_of(task) for place, task in folds.items()}
    encoders = {candidate.name: _identities(candidate, seeds) for candidate in candidates}
    runs = []
    for task in tasks:
        for candidate in candidates:
            if isinstance(candidate, Boosting) and unfit(task):
                continue
            recipe = candidate if isinstance(candidate, Boosting) else protocol
            for seed in seeds:
                encoder = encoders[candidate.name][seed]
                folder = output / candidate.name / task.id / recipe.name / str(seed)
                fold, records = folds[task.id, seed], data[task.id, seed]
                key = key_of(encoder, fold, records, recipe, seed)
                runs.append(Run(candidate, fold, recipe, seed, encoder, records, key, folder))
    return runs


def _identities(candidate: Candidate | Boosting, seeds: Sequence[int]) -> dict[int, str]:
    if isinstance(candidate, Boosting):
        return dict.fromkeys(seeds, candidate.identity)
    if candidate.is_scratch:
        return {seed: identity(candidate.checkpoint(seed)) for seed in seeds}
    return dict.fromkeys(seeds, identity(candidate.checkpoint(seeds[0])))


def key_of(encoder: str, task: TaskRef, data: Data, protocol: Protocol | Boosting, seed: int) -> str:
    """SHA-256 over what a score depends on: the encoder, records, task, recipe, seed, and their versions."""
    parts: dict[str, Any] = {
        "encoder": encoder,
        "task": task.id,
        "declaration": task.task.model_dump(exclude={"why", "caveats", "schemes"}),
        "target": _target(task),
        "forces": task.dataset.forces and task.dataset.forces.unit,
        "data": data.split,
        "clusters": task.clusters,
        "protocol": protocol.model_dump(exclude={"description"}),
        "seed": seed,
        **({"ordered": task.dataset.ordered} if _record_of(task).may_be_ordered else {}),
        "versions": {
            "evaluation": EVALUATION_VERSION,
            **{name: METRICS[name].version for name in task.task.metrics},
        },
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _target(task: TaskRef) -> dict[str, Any]:
    """What a score depends on of the declaration of its target."""
    return task.column.model_dump(exclude={"description"})


def _refuse_missing(tasks: Sequence[TaskRef]) -> None:
    missing: dict[str, list[str]] = {}
    for task in tasks:
        if task.folder is None:
            missing.setdefault(task.entry.id, []).append(task.id)
    if missing:
        lines = [
            f"  molbench data build {name.removesuffix(PARTIAL)}    ({len(ids)} tasks, {ids[0]} …)"
            for name, ids in missing.items()
        ]
        raise UserError("these datasets are not built here:\n" + "\n".join(lines))


def data_of(task: TaskRef) -> Data:
    """The records behind a task, as built.

    Raises:
        UserError: If the build lacks the subset or the split scheme.
    """
    if task.folder is None:
        raise ValueError(f"{task.id} is not built")
    manifest = Manifest.read(task.folder)
    if task.subset not in manifest.by_subset:
        raise UserError(
            f"{task.id}: '{manifest.dataset_id}' was built without subset '{task.subset}'; "
            f"run `molbench data build {manifest.name} --subset {task.subset}`"
        )
    part = manifest.by_subset[task.subset]
    if task.split_name not in part.schemes:
        why = part.left_out.get(task.scheme_name, "it was declared after the build; build the dataset again")
        raise UserError(f"{task.id}: this build has no split scheme '{task.split_name}': {why}")
    scheme = part.schemes[task.split_name]
    return Data(part.digest, scheme.content, not scheme.complete)


def _record_of(task: TaskRef) -> RecordKind:
    return RECORD_KINDS[task.dataset.record]
