"""One run from its plan to its files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

import molbench
from molbench.atomic import replace_folder
from molbench.backbones.base import Backbone
from molbench.data.leakage import contamination, overlap_with
from molbench.data.read.store import Store
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.cost import metered
from molbench.evaluation.data import TaskData
from molbench.evaluation.embedding import Embedding, cached_embedding
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.plan import Run
from molbench.evaluation.predictions import PREDICTIONS_FILE
from molbench.evaluation.protocol_predictions import StepCallback
from molbench.evaluation.result import Result, Stored, TaskEntry, find_result
from molbench.evaluation.score import record_scores, score
from molbench.spec.provenance import stages
from molbench.training.log import LOG
from molbench.training.machine import describe_machine

#: Tasks that are named one by one.
SOME = 12


@dataclass
class Workspace:
    """What the runs of one job share: stores, and vectors of frozen encoders."""

    device: torch.device = field(
        default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu")
    )
    _stores: dict[tuple[str, str | None], Store] = field(default_factory=dict)
    _embeddings: dict[tuple[str, str], Embedding] = field(default_factory=dict)

    def store(self, run: Run) -> Store:
        """The records of a run's task."""
        if run.task.folder is None:
            raise ValueError(f"{run.task.id} is not built")
        where = (str(run.task.folder), run.task.subset)
        if where not in self._stores:
            self._stores[where] = Store.open(run.task.folder, run.task.subset)
        return self._stores[where]

    def embedding(self, run: Run, backbone: Backbone) -> Embedding:
        """Vectors of all records of a run's task."""
        store = self.store(run)
        where = (run.encoder_digest, store.digest)
        if where not in self._embeddings:
            self._embeddings[where] = cached_embedding(run.encoder_digest, backbone, store, self.device)
        return self._embeddings[where]


def execute(run: Run, workspace: Workspace, progress: StepCallback | None = None) -> Stored:
    """Predict, score and store one run, or return the finished result with the same key.

    Args:
        run: The plan.
        workspace: Shared with other runs.
        progress: Called after each training step.

    Raises:
        NotApplicableError: If the records turn out to be none for the candidate.
        UserError: If weights or records are no longer those that were planned, or training fails.
    """
    if (finished := find_result(run.folder, run.key)) is not None:
        return finished
    if workspace.store(run).digest != run.data.digest:
        raise run.changed()
    data = TaskData.open(run.task, workspace.store(run))
    with metered() as meter:
        scored = run.candidate.predict(run, data, workspace, progress)
        entry, predictions = scored.entry, scored.predictions
        metrics = score(run.task.task, predictions)
    machine = describe_machine()
    result = Result(
        key=run.key,
        code=f"{molbench.__version__}/{EVALUATION_VERSION}",
        checkpoint=entry,
        task=_task_entry(run, data),
        protocol=run.protocol,
        seed=run.seed,
        metrics=metrics,
        n=len(predictions.ids),
        warnings=[
            *contaminations(run, entry.pretraining),
            *scored.warnings,
            *data.kind.scale_warnings(run.task.task, predictions),
        ],
        overlap=overlap(run, entry.pretraining),
        seconds={"run": round(meter.seconds, 3)},
        throughput=scored.throughput,
        environment=machine,
        cost=meter.cost(machine, entry.parameters, scored.throughput),
        date=datetime.now(UTC).date().isoformat(),
    )
    with replace_folder(run.folder) as temporary:
        predictions.write(temporary / PREDICTIONS_FILE, record_scores(run.task.task, predictions))
        result.write(temporary)
        if (run.state / LOG).is_file():
            shutil.copyfile(run.state / LOG, temporary / LOG)
    return Stored.read(run.folder)


def _task_entry(run: Run, data: TaskData) -> TaskEntry:
    entry = run.task.entry
    return TaskEntry(
        id=run.task.id,
        dataset=entry.id,
        version=entry.dataset.version,
        digest=run.data.digest,
        scheme=run.task.split_name,
        split_digest=run.data.split,
        partial=run.data.partial,
        embedded=entry.dataset.embedded,
        declaration=run.task.task,
        counts={split: int(rows.size) for split, rows in data.rows.items()},
    )


def overlap(run: Run, pretraining: dict[str, Any]) -> str | None:
    """What the provenance of a checkpoint says about records it shares with a task, stage by stage."""
    if not kind_of(run.task.task).learns:
        return None  # nothing is tested that could have been seen
    return "; then ".join(_overlap(run, stage) for stage in stages(pretraining)) or None


def contaminations(run: Run, pretraining: dict[str, Any]) -> list[str]:
    """Warnings of the stages that saw pairs which the task tests on."""
    if not kind_of(run.task.task).learns:
        return []
    return [text for stage in stages(pretraining) if (text := contamination(stage, run.task))]


def _overlap(run: Run, stage: dict[str, Any]) -> str:
    source, excluded = stage.get("dataset"), stage.get("excluded")
    more = ""
    if isinstance(excluded, dict) and excluded.get("records"):
        names = excluded.get("tasks")
        names = list(map(str, names)) if isinstance(names, list) and names else ["some tasks"]
        tasks = ", ".join(names) if len(names) <= SOME else f"{len(names)} tasks"
        more = f"; {excluded['records']} records left out because they are in the test splits of {tasks}"
    seen = overlap_with(stage, run.task)
    if seen and (count := seen.counts.get("molecule")):
        more += f"; {count.seen:,} of {count.of:,} test molecules are in the corpus (by {seen.compared_by})"
    if source is None:
        return "the checkpoint does not say what it was pretrained on"
    if run.task.dataset.name == str(source).removesuffix("-partial"):
        scheme = stage.get("scheme")
        same = f", training split of scheme '{scheme}'" if scheme else ""
        return f"pretrained on the same dataset ('{source}'{same}){more}"
    return f"pretrained on '{source}'{more}"
