"""Training a model on a task within the protocol's budget, and predicting its test split."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from molbench.data.read.loader import Loader, RecordSource
from molbench.errors import UserError
from molbench.evaluation.data import TaskData, clusters
from molbench.evaluation.kinds.forces import force_unit
from molbench.evaluation.models import Model
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.metrics import METRICS
from molbench.spec.training import TrainingConfig
from molbench.training.loop import FitReport, StepReport, fit


def train(
    model: Model,
    data: TaskData,
    config: TrainingConfig,
    evaluations: int,
    *,
    seed: int,
    folder: Path | None = None,
    key: Mapping[str, Any] | None = None,
    progress: Callable[[StepReport], None] | None = None,
    regularised: torch.nn.Module | None = None,
    patience: int | None = None,
    select: Literal["loss", "metric"] = "loss",
) -> FitReport:
    """Train ``model`` on the training split; it is left with the weights of the best validation.

    Args:
        model: Trained in place.
        data: Records.
        config: Budget; its seed is replaced by ``seed``.
        evaluations: How often there is a validation.
        seed: Seed of the order of records.
        folder: Where an interrupted run is continued from.
        key: What else the run depends on.
        progress: Called after each step.
        regularised: What is trained in the model's place, with its weights and more.
        patience: So many validations in a row without a new best end the training.
        select: Whether a validation is the loss or the task's primary metric.
    """
    reader = model.backbone.reader(data.store)
    forces = data.kind.reads_forces
    batches = Loader(reader, data.rows["train"], config.batch_size, seed=seed, forces=forces)
    return fit(
        regularised or model,
        batches,
        config.model_copy(update={"seed": seed}),
        folder=folder,
        key=key,
        validate=(_primary_metric if select == "metric" else _mean_loss)(model, data, precision_of(config)),
        validate_every=max(1, config.steps // evaluations),
        patience=patience,
        progress=progress,
    )


def _mean_loss(model: Model, data: TaskData, dtype: torch.dtype) -> Callable[[torch.nn.Module], float]:
    """Loss over the validation split."""
    held_out = _ordered(model.backbone.reader(data.store), data, "validation")
    generator = torch.Generator()

    def loss(_module: torch.nn.Module) -> float:
        total = 0.0
        with torch.no_grad():
            for batch in held_out.epoch(0):
                moved = batch.to(model.labels.device, dtype)
                total += float(model.loss(moved, generator)[0]) * moved.num_records
        return total / held_out.all_rows.size

    return loss


def _primary_metric(model: Model, data: TaskData, dtype: torch.dtype) -> Callable[[torch.nn.Module], float]:
    """Primary metric of the validation split, or minus it where higher is better.

    Raises:
        UserError: If the labels of that split leave it undefined.
    """
    chosen = METRICS[data.task.task.metrics[0]]
    labels = data.labels[data.rows["validation"]]
    if chosen.varied and (why := data.kind.undefined(data.task.task, labels, "validation")):
        raise UserError(f"{data.task.id}: {why}, and it chooses the weights")

    def metric(_module: torch.nn.Module) -> float:
        value = chosen.value(predict(model, data, dtype, "validation"))
        return value if chosen.direction == "lower" else -value

    return metric


def predict(
    model: Model, data: TaskData, dtype: torch.dtype = torch.float32, split: str = "test"
) -> Predictions:
    """Predictions of a trained model for a split, in the dataset's own unit.

    Args:
        model: Trained.
        data: Records.
        dtype: Precision of the positions it is given.
        split: Which split.
    """
    rows = data.rows[split]
    reader = model.backbone.reader(data.store)
    loader = _ordered(reader, data, split)
    device = model.labels.device
    model.eval()
    values, sizes, truth, guess = [], [], [], []
    for batch in loader.epoch(0):
        outputs, forces = model.predict(batch.to(device, dtype))
        values.append(outputs.double().cpu().numpy())
        if forces is not None and batch.forces is not None:
            sizes.append(batch.sizes.numpy() * 3)
            truth.append(batch.forces.reshape(-1).numpy())
            guess.append(forces.float().reshape(-1).cpu().numpy())
    components = None
    if sizes:
        offsets = np.concatenate([[0], np.concatenate(sizes).cumsum()])
        components = ForcePredictions(
            np.concatenate(truth), np.concatenate(guess), offsets, force_unit(data.task)
        )
    return as_predictions(data, data.restore(rows, np.concatenate(values)), components, split)


def timed_predict(
    model: Model, data: TaskData, dtype: torch.dtype = torch.float32
) -> tuple[Predictions, dict[str, float]]:
    """:func:`predict` of the test split, and records a second of ``inference``."""
    started = time.perf_counter()
    predictions = predict(model, data, dtype)
    return predictions, {"inference": round(len(predictions.ids) / (time.perf_counter() - started), 1)}


def as_predictions(
    data: TaskData, values: np.ndarray, forces: ForcePredictions | None = None, split: str = "test"
) -> Predictions:
    """Labels of a split beside ``values``, [m], in the dataset's own unit."""
    rows = data.rows[split]
    ids = data.store.ids.take(rows).to_pylist()
    shared = clusters(data.task, data.store, rows)
    return Predictions(ids, data.labels[rows], values, data.unit, forces, shared)


def _ordered(reader: RecordSource[Any], data: TaskData, split: str) -> Loader[Any]:
    forces = data.kind.reads_forces
    return Loader(reader, data.rows[split], 32 if forces else 128, shuffle=False, forces=forces)


def precision_of(config: TrainingConfig) -> torch.dtype:
    """Precision of the positions a model trained with ``config`` is given."""
    return torch.float64 if config.precision == "64-true" else torch.float32
