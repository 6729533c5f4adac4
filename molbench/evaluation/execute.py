"""One run from its plan to its files."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime

import torch

import molbench
from molbench.atomic import replace_folder
from molbench.backbones.base import Backbone
from molbench.data.read.store import Store
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.cost import metered
from molbench.evaluation.data import TaskData
from molbench.evaluation.embedding import Embedding, cached_embedding
from molbench.evaluation.plan import Run
from molbench.evaluation.predictions import PREDICTIONS_FILE
from molbench.evaluation.protocol_predictions import StepCallback
from molbench.evaluation.result import Result, Stored, TaskEntry, find_result
from molbench.evaluation.score import record_scores, score
from molbench.evaluation.seen import contaminations, overlap
from molbench.torch_defaults import torch_defaults
from molbench.training.log import LOG
from molbench.training.machine import describe_machine


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


@torch_defaults()
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
        task=TaskEntry.of(run.task, run.data, {split: int(rows.size) for split, rows in data.rows.items()}),
        protocol=run.protocol,
        seed=run.seed,
        metrics=metrics,
        n=len(predictions.ids),
        warnings=[
            *contaminations(run.task, entry.pretraining),
            *scored.warnings,
            *data.kind.scale_warnings(run.task.task, predictions),
        ],
        overlap=overlap(run.task, entry.pretraining),
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
