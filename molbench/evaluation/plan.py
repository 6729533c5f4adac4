"""Which runs there are, and what each of them depends on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molbench.data.records import RECORD_KINDS
from molbench.data.records.base import RecordKind
from molbench.errors import UserError
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.built import Data, data_of, require_declared
from molbench.evaluation.candidates.base import Candidate, NotApplicable, Refusal
from molbench.evaluation.kinds import kind_of
from molbench.metrics import METRICS
from molbench.spec.catalogue import TaskRef
from molbench.spec.dataset import PARTIAL
from molbench.spec.protocol import Protocol
from molbench.spec.recipe import Recipe

if TYPE_CHECKING:
    from molbench.evaluation.shards import ShardRecord


@dataclass(frozen=True)
class Run:
    """One candidate on one task under one protocol with one seed.

    Attributes:
        protocol: The one asked for, or the candidate's own.
        encoder_digest: SHA-256 of the encoder: weights, backbone and configuration.
        data: What the records were when it was planned.
        key: SHA-256 over everything the score depends on.
        folder: Where its result belongs.
    """

    candidate: Candidate
    task: TaskRef
    protocol: Recipe
    seed: int
    encoder_digest: str
    data: Data
    key: str
    folder: Path

    @property
    def label(self) -> str:
        """``painn on qm9/gap, seed 0``, for messages."""
        return f"{self.candidate.name} on {self.task.id}, seed {self.seed}"

    @property
    def state(self) -> Path:
        """Folder from which its interrupted training is continued."""
        return self.folder / f"state-{self.key[:12]}"

    @property
    def shares_vectors(self) -> bool:
        """Whether it needs nothing of its encoder but vectors, which other tasks and seeds need, too."""
        return self.protocol.kind == "probe" and kind_of(self.task.task).probes_vectors

    def changed(self) -> UserError:
        """What is said where weights or records are no longer those that were planned."""
        return UserError(
            f"{self.candidate.name} on {self.task.id}: the inputs changed after the run was planned"
        )


@dataclass(frozen=True)
class MissingData:
    """A dataset that is not built here.

    Attributes:
        command: What builds it.
        tasks: Ids of the tasks that wait for it.
    """

    command: str
    tasks: list[str]

    def __str__(self) -> str:
        return f"  {self.command}    ({len(self.tasks)} tasks, {self.tasks[0]} …)"


@dataclass(frozen=True)
class Plan:
    """Everything that is to be scored.

    Attributes:
        runs: In the order task, candidate, seed.
        not_applicable: Candidates and tasks that do not go together, and why.
        missing: Datasets that are not built here, where the others are planned without them.
        shard: Which part of an evaluation it is; None where it is all of it.
        refusals: Models and tasks that are left out since something is wrong with them.
    """

    runs: list[Run]
    not_applicable: list[NotApplicable]
    missing: list[MissingData] = field(default_factory=list)
    shard: ShardRecord | None = None
    refusals: list[Refusal] = field(default_factory=list)


def plan(
    candidates: Sequence[Candidate],
    tasks: Sequence[TaskRef],
    protocol: Protocol,
    seeds: Sequence[int],
    output: Path,
    *,
    built: bool = False,
) -> Plan:
    """Every combination that there is; a model or a dataset that is damaged is refused, and others are not.

    Args:
        candidates: What is scored.
        tasks: On what.
        protocol: How.
        seeds: With which seeds.
        output: Folder of the results.
        built: Whether tasks whose datasets are not built here are left out rather than refused.

    Raises:
        UserError: If a dataset is not built, a task cannot be scored, or nothing is left.
    """
    missing = missing_data(tasks)
    if built:
        tasks = [task for task in tasks if task.folder is not None]
    else:
        refuse_missing(tasks)
    encoders: dict[tuple[str, int], str] = {}
    runs, others = [], []
    refusals: dict[str, Refusal] = {}
    for task in tasks:
        kind = kind_of(task.task)
        kind_protocol = kind.protocol(protocol)
        kind.check(task, kind_protocol)
        if why := _unreadable(task, seeds):
            refusals[task.id] = Refusal(task.id, why)
            continue
        data: dict[str, Data] = {}
        for candidate in candidates:
            if candidate.name in refusals:
                continue
            # An audit of given weights draws nothing.
            asked = seeds if kind.learns or candidate.is_baseline else seeds[:1]
            try:
                why = candidate.unfit(task, kind_protocol)
                digests = {} if why else _digests(candidate, candidate.seeds(task, asked), encoders)
            except UserError as error:
                refusals[candidate.name] = Refusal(candidate.name, str(error))
                continue
            if why:
                others.append(NotApplicable(candidate.name, task.id, why))
            recipe = candidate.recipe(kind_protocol)
            for seed, digest in digests.items():
                fold = task.at(seed)
                if fold.split_name not in data:
                    data[fold.split_name] = data_of(fold)
                records = data[fold.split_name]
                folder = output / candidate.name / task.id / recipe.name / str(seed)
                key = key_of(digest, fold, records, recipe, seed)
                runs.append(Run(candidate, fold, recipe, seed, digest, records, key, folder))
    runs = [run for run in runs if run.candidate.name not in refusals]
    if refusals and not runs and not others:
        raise UserError("\n".join(refusal.reason for refusal in refusals.values()))
    return Plan(runs, others, missing, refusals=[*refusals.values()])


def _unreadable(task: TaskRef, seeds: Sequence[int]) -> str | None:
    """Why the records of a task cannot be told, or are not to be scored as its own; None where they can."""
    try:
        require_declared(task)
        data_of(task.at(seeds[0]))
    except UserError as error:
        return str(error)
    return None


def _digests(candidate: Candidate, seeds: Iterable[int], known: dict[tuple[str, int], str]) -> dict[int, str]:
    """Digest of what predicts with each seed; of a model that is given it is one, which is ``known`` then."""
    digests = {}
    for seed in seeds:
        encoder = (candidate.name, seed if candidate.is_baseline else 0)
        if encoder not in known:
            known[encoder] = candidate.encoder_digest(seed)
        digests[seed] = known[encoder]
    return digests


def key_of(encoder: str, task: TaskRef, data: Data, protocol: Recipe, seed: int) -> str:
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


def refuse_missing(tasks: Sequence[TaskRef]) -> None:
    """Refuse tasks whose datasets are not built, with the commands that build them.

    Raises:
        UserError: Naming them.
    """
    if missing := missing_data(tasks):
        raise UserError("these datasets are not built here:\n" + "\n".join(map(str, missing)))


def missing_data(tasks: Sequence[TaskRef]) -> list[MissingData]:
    """Datasets of tasks that are not built here."""
    missing: dict[str, list[str]] = {}
    for task in tasks:
        if task.folder is None:
            missing.setdefault(task.entry.id, []).append(task.id)
    return [
        MissingData(f"molbench data build {name.removesuffix(PARTIAL)}", ids) for name, ids in missing.items()
    ]


def _record_of(task: TaskRef) -> RecordKind:
    return RECORD_KINDS[task.dataset.record]
