"""``result.json``: one score with everything that is needed to trust or to repeat it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import ValidationError

from molbench.arguments import require_file, require_results
from molbench.errors import UserError, quoted
from molbench.evaluation.cost import RunCost
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import PREDICTIONS_FILE, Predictions
from molbench.evaluation.score import Scorer, Value
from molbench.spec.base import Spec, later
from molbench.spec.direct import DIRECT
from molbench.spec.recipe import Recipe
from molbench.spec.tasks import Task

if TYPE_CHECKING:
    from molbench.evaluation.built import Data
    from molbench.spec.catalogue import TaskRef

RESULT_FILE = "result.json"
FORMAT: Literal[1] = 1
_MAX_BYTES = 8 << 20


class CheckpointEntry(Spec):
    """What was scored.

    Attributes:
        name: Folder of the results.
        encoder_digest: SHA-256 of the encoder: weights, backbone and configuration.
        scratch: Whether the weights are random, drawn from the seed.
        baseline: Name of the same backbone with random weights; the fingerprint baseline's is its own.
        pretraining: Provenance as the checkpoint tells it.
        parameters: Weights of the encoder; None for what has none, or was scored before they were counted.
    """

    name: str
    encoder_digest: str
    scratch: bool
    baseline: str
    backbone: str
    config: dict[str, Any]
    method: str | None
    method_config: dict[str, Any]
    pretraining: dict[str, Any]
    parameters: int | None = later(None, ge=0)


class TaskEntry(Spec):
    """What it was scored on.

    Attributes:
        id: The task's id, scheme included where it is not the default.
        dataset: Id of the dataset, ``-partial`` behind it where records are missing.
        digest: Content digest of all records of the build.
        split_digest: Digest of those that the scheme uses: ids, splits, labels and atoms.
        embedded: Whether the dataset is a small one that comes with the package.
        counts: Labelled records of each split.
    """

    id: str
    dataset: str
    version: str
    digest: str
    scheme: str
    split_digest: str
    partial: bool
    embedded: bool
    declaration: Task
    counts: dict[str, int]

    @classmethod
    def of(cls, task: TaskRef, data: Data, counts: Mapping[str, int]) -> Self:
        """What is told of a task on the records that there are."""
        return cls(
            id=task.id,
            dataset=task.entry.id,
            version=task.dataset.version,
            digest=data.digest,
            scheme=task.split_name,
            split_digest=data.split,
            partial=data.partial,
            embedded=task.dataset.embedded,
            declaration=task.task,
            counts=dict(counts),
        )


class Result(Spec):
    """One candidate on one task under one protocol with one seed.

    Attributes:
        key: SHA-256 over everything the score depends on.
        metrics: Metric to value, the primary one first.
        n: Test records.
        warnings: Test pairs seen in pretraining, and signs that the predictions are in the wrong unit.
        overlap: What is known about test records seen in pretraining.
        seconds: Wall time of each stage.
        throughput: Molecules a second of each stage.
        environment: Software, code and machine, see :func:`~molbench.training.machine.describe_machine`.
        cost: What it took; None where it was scored before that was measured.
        date: Day on which it was made (UTC); None where it was scored before that was told.
    """

    format: Literal[1] = FORMAT
    key: str
    code: str
    checkpoint: CheckpointEntry
    task: TaskEntry
    protocol: Recipe
    seed: int
    metrics: dict[str, Value]
    n: int
    warnings: list[str]
    overlap: str | None
    seconds: dict[str, float]
    throughput: dict[str, float]
    environment: dict[str, Any]
    cost: RunCost | None = later(None)
    date: str | None = later(None, pattern=r"^\d{4}-\d{2}-\d{2}$")

    def __repr__(self) -> str:
        name = self.task.declaration.metrics[0]
        score = f"{name} {self.primary.value:.4g} {self.primary.unit}".removesuffix(" 1")
        model = quoted(self.checkpoint.name)[1:-1]
        return f"<Result: {model} on {self.task.id}, {self.protocol.name}, seed {self.seed}: {score}>"

    @property
    def primary(self) -> Value:
        """The metric that counts."""
        return self.metrics[self.task.declaration.metrics[0]]

    @property
    def seed_matters(self) -> bool:
        """Whether another seed surely gives other predictions: not where a frozen encoder meets a probe.

        Nor where a model's own predictions are scored, which are those of its owner's seeds, if of any; nor
        in audits, which may say zero of any weights.
        """
        if self.protocol.kind in {DIRECT, "audit"}:
            return False
        frozen = self.protocol.kind == "probe" and kind_of(self.task.declaration).probes_vectors
        return self.checkpoint.scratch or not frozen

    @property
    def is_drawn(self) -> bool:
        """Whether anything in it was drawn by the seed; not so in audits of given weights."""
        return self.protocol.kind != "audit" or self.checkpoint.scratch

    def write(self, folder: Path) -> None:
        """Write ``result.json`` into ``folder``."""
        text = json.dumps(self.model_dump(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Stored:
    """A result on disk.

    Attributes:
        folder: Where ``result.json`` and ``predictions.parquet`` are.
        result: The former.
        checked: The latter beside labels that were looked up, once they were; see
            :mod:`~molbench.evaluation.trust`.
        unchecked: Why they could not be, where that was tried.
    """

    folder: Path
    result: Result
    checked: Predictions | None = None
    unchecked: str | None = None

    def __repr__(self) -> str:
        return f"<Stored {str(self.folder)!r}: {self.result!r}>"

    @cached_property
    def predictions(self) -> Predictions:
        """The latter."""
        return self.checked or Predictions.read(self.folder / PREDICTIONS_FILE)

    @cached_property
    def value(self) -> float:
        """The primary metric that the predictions give."""
        return self._scorer.value(self.predictions)

    @cached_property
    def contributions(self) -> np.ndarray:
        """What each test record adds to the distance of that value from its expectation, [n]."""
        return self._scorer.influence(self.predictions) / len(self.predictions.ids)

    @property
    def _scorer(self) -> Scorer:
        task = self.result.task.declaration
        return Scorer.of(task, task.metrics[0], self.predictions)

    @classmethod
    def read(cls, folder: str | Path) -> Stored:
        """Read one result.

        Raises:
            UserError: If it is missing, damaged, or of another format.
        """
        folder = Path(folder)
        path = folder / RESULT_FILE
        try:
            require_file(path, "result")
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
            if len(content) > _MAX_BYTES:
                raise UserError(f"{path}: larger than {_MAX_BYTES >> 20} MiB: not a result")
            return cls(folder, Result.model_validate_json(content))
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = str(error).splitlines()
            raise UserError(f"{path}: not a result of this program: {' '.join(first[:3])}") from error


def doubles(results: Iterable[Stored]) -> dict[Path, str]:
    """Folders of results that are of one and the same run, and why: none is known to be the one."""
    of_run: dict[tuple[str, str, str, int], list[Path]] = {}
    for stored in results:
        result = stored.result
        run = (result.checkpoint.name, result.task.id, result.protocol.name, result.seed)
        of_run.setdefault(run, []).append(stored.folder)
    return {
        folder: f"{next(other for other in folders if other != folder)} is of the same model, task, protocol "
        "and seed; move one of them away"
        for folders in of_run.values()
        if len(folders) > 1
        for folder in folders
    }


def find_result(folder: Path, key: str) -> Stored | None:
    """The finished result in ``folder``; None if there is none, or one that was made from other inputs."""
    if not (folder / PREDICTIONS_FILE).is_file():
        return None
    try:
        stored = Stored.read(folder)
    except UserError:
        return None
    return stored if stored.result.key == key else None


def read_results(root: str | Path) -> list[Stored]:
    """All results below a folder, in path order.

    Raises:
        UserError: If the folder does not exist, or a result is damaged.
    """
    return [Stored.read(path.parent) for path in result_files(Path(root))]


def result_files(root: Path) -> Iterator[Path]:
    """Every ``result.json`` below a folder, whatever it is, in path order; hidden folders are unfinished.

    Raises:
        UserError: If the folder does not exist.
    """
    require_results(root)
    paths = []
    for folder, folders, files in os.walk(root):
        if RESULT_FILE in folders or RESULT_FILE in files:
            paths.append(Path(folder, RESULT_FILE))
        folders[:] = [name for name in folders if name != RESULT_FILE and not name.startswith(".")]
    yield from sorted(paths)
