"""The energy of a record and the force on each of its atoms, which is the energy's negative gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from molbench.errors import UserError
from molbench.evaluation.kinds.base import Normalisation, TaskKind
from molbench.evaluation.scale import scale_warning
from molbench.metrics.metric import Metric
from molbench.spec.protocol import Protocol
from molbench.spec.tasks import Task
from molbench.spec.training import Budget
from molbench.spec.units import convert

if TYPE_CHECKING:
    import torch

    from molbench.backbones.base import Backbone
    from molbench.data.read.store import Store
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.embedding import Embedding
    from molbench.evaluation.models import Model
    from molbench.evaluation.predictions import Predictions
    from molbench.spec.catalogue import TaskRef

_RECORDS = 4096


class Forces(TaskKind):
    """Energies relative to the mean of the training split, over the root mean square of its forces."""

    name = "forces"
    families = ("forces",)
    usual_metrics = ("force_mae", "energy_mae")
    reads_forces = True
    probes_vectors = False  # forces are gradients of the encoder

    @override
    def check(self, task: TaskRef, protocol: Protocol) -> None:
        super().check(task, protocol)
        force_factor(task)

    @override
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        from molbench.evaluation.references import free_atoms

        references = free_atoms(task, store)
        offset = float((labels[train] - references[train]).mean())
        scale = _root_mean_square(store, train) / force_factor(task) if task.task.standardise else 1.0
        return Normalisation(references, offset, scale or 1.0)

    @override
    def budget(self, protocol: Protocol) -> Budget | None:
        return protocol.forces

    @override
    def model(self, backbone: Backbone, data: TaskData, protocol: Protocol) -> Model:
        from molbench.backbones.base import geometry_encoder
        from molbench.evaluation.heads import energy_head
        from molbench.evaluation.models import ForceModel

        encoder = geometry_encoder(backbone, data.task.id)
        head = energy_head(protocol.head, encoder)
        return ForceModel(encoder, head, data, protocol.energy_weight, protocol.force_loss)

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
        from molbench.backbones.base import geometry_encoder
        from molbench.evaluation.force_probe import force_probe
        from molbench.evaluation.train import timed_predict

        encoder = geometry_encoder(backbone, data.task.id)
        return timed_predict(force_probe(encoder, data, protocol, seed, device), data)

    @override
    def units(self, task: Task, metric: Metric, predictions: Predictions) -> tuple[str, str]:
        predicted = predictions.forces if metric.of == "forces" else None
        return (predicted or predictions).unit, self.reported_unit(task, metric)

    @override
    def reported_unit(self, task: Task, metric: Metric) -> str:
        """A task reports forces, ``meV/Å``; its energies are then in ``meV``."""
        return task.unit if metric.of == "forces" else task.unit.rpartition("/")[0]

    @override
    def compared_unit(self, task: TaskRef) -> str | None:
        return self.force_unit(task)

    @override
    def force_unit(self, task: TaskRef) -> str | None:
        return task.dataset.forces.unit if task.dataset.forces else None

    @override
    def scale_warnings(self, task: Task, predictions: Predictions) -> list[str]:
        warnings, forces = super().scale_warnings(task, predictions), predictions.forces
        if forces and (warning := scale_warning("forces", forces.target, forces.prediction, forces.unit)):
            warnings.append(warning)
        return warnings


def force_factor(task: TaskRef) -> float:
    """What a force in the energy's unit per Å is multiplied by to be in the dataset's force unit.

    Raises:
        UserError: If the dataset has no forces, or in a unit that does not go with its energies.
    """
    unit = force_unit(task)
    try:
        return convert(1.0, f"{task.unit}/Å", unit)
    except ValueError as error:
        raise UserError(f"{task.id}: forces in {unit} cannot belong to energies in {task.unit}") from error


def force_unit(task: TaskRef) -> str:
    """Unit of the dataset's forces.

    Raises:
        UserError: If it has none.
    """
    if task.dataset.forces is None:
        raise UserError(f"{task.id}: dataset '{task.entry.id}' declares no forces")
    return task.dataset.forces.unit


def _root_mean_square(store: Store, rows: np.ndarray) -> float:
    """Of all force components of some records."""
    squares, count = 0.0, 0
    for chunk in np.array_split(rows, max(1, rows.size // _RECORDS)):
        forces = store.batch(chunk, forces=True).forces
        if forces is not None:
            squares += float(forces.double().square().sum())
            count += forces.numel()
    return float(np.sqrt(squares / count))
