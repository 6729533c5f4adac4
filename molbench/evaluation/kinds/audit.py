"""What an audit measures of an encoder: one number a record, which should be zero; nothing is learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError
from molbench.evaluation.kinds.base import Normalisation, TaskKind
from molbench.evaluation.protocols import load_protocol
from molbench.spec.protocol import Protocol
from molbench.spec.tasks import Task

if TYPE_CHECKING:
    import torch

    from molbench.backbones.base import Backbone
    from molbench.data.read.store import Store
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.embedding import Embedding
    from molbench.evaluation.predictions import Predictions
    from molbench.spec.catalogue import TaskRef


class AuditKind(TaskKind):
    """The labels are zero on the records that are looked at, and missing elsewhere."""

    name = "audit"
    families = ("audit",)
    learns = False
    probes_vectors = False  # records are changed and encoded anew

    @override
    def protocol(self, asked: Protocol) -> Protocol:
        return load_protocol(self.name)

    @override
    def check(self, task: TaskRef, protocol: Protocol) -> None:
        super().check(task, protocol)
        if protocol.kind != self.name:
            raise UserError(f"{task.id}: an audit has no protocol but '{self.name}'")

    @override
    def labels(self, task: TaskRef, store: Store) -> np.ndarray:
        rows = np.asarray(store.rows(task.split_name, "test"))
        count = min(task.task.records or rows.size, rows.size)
        labels = np.full(len(store), np.nan)
        labels[rows[np.linspace(0, rows.size - 1, count).round().astype(int)]] = 0.0
        return labels

    @override
    def unfit(self, task: TaskRef, backbone: type[Backbone]) -> str | None:
        if backbone.inputs != (inputs := RECORD_KINDS[task.dataset.record].inputs):
            return f"a '{backbone.name}' encodes molecules one by one; it is an audit of encoders of {inputs}"
        return None

    @override
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        return Normalisation(np.zeros(len(labels)))

    @override
    def probe(
        self,
        backbone: Backbone,
        data: TaskData,
        protocol: Protocol,
        seed: int,
        *,
        device: torch.device,
        embedding: Embedding | None,
    ) -> tuple[Predictions, dict[str, float]]:
        """What is measured takes the place of predictions."""
        from molbench.evaluation.audits import AUDITS
        from molbench.evaluation.audits.base import Subject
        from molbench.evaluation.train import as_predictions

        subject = Subject.of(backbone, data.store, data.rows["test"])
        return as_predictions(data, AUDITS[data.task.name].measure(subject)), {}

    @override
    def scale_warnings(self, task: Task, predictions: Predictions) -> list[str]:
        """Whether the worst record passes the tolerance."""
        worst = float(np.abs(predictions.prediction).max())
        if task.tolerance is None or worst <= task.tolerance:
            return []
        return [f"breaks its tolerance: {worst:.2g} where {task.tolerance:g} is allowed"]
