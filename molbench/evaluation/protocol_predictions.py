"""A protocol applied to one encoder and one task: from records to predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from molbench.backbones.base import Backbone
from molbench.evaluation.data import TaskData
from molbench.evaluation.embedding import Embedding
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.train import precision_of, timed_predict, train
from molbench.methods.parts.noisy_nodes import NoisyNodes
from molbench.spec.protocol import Protocol
from molbench.training.loop import StepReport

StepCallback = Callable[[StepReport], None]


def protocol_predictions(
    backbone: Backbone,
    data: TaskData,
    protocol: Protocol,
    seed: int,
    device: torch.device,
    *,
    embedding: Embedding | None = None,
    state: Path | None = None,
    key: str = "",
    progress: StepCallback | None = None,
) -> tuple[Predictions, dict[str, float]]:
    """Train or fit on the training split, predict the test split.

    Args:
        backbone: The encoder; trained in place by ``finetune``.
        data: Records and labels.
        protocol: How.
        seed: Of head, order of records and folds.
        device: Where a frozen encoder runs.
        embedding: Vectors of all records of a frozen encoder, where they are known already.
        state: Folder from which interrupted training is continued.
        key: What such a state must belong to.
        progress: Called after each training step.

    Returns:
        Predictions in the dataset's own unit, and records per second of ``training`` and ``inference``, or of
        ``embedding`` with a frozen encoder.
    """
    if protocol.kind == "finetune":
        return _finetune(backbone, data, protocol, seed, state=state, key=key, progress=progress)
    return data.kind.probe(backbone, data, protocol, seed, device=device, embedding=embedding)


def _finetune(
    backbone: Backbone,
    data: TaskData,
    protocol: Protocol,
    seed: int,
    *,
    state: Path | None,
    key: str,
    progress: StepCallback | None,
) -> tuple[Predictions, dict[str, float]]:
    protocol = protocol.on(data.task.id)
    budget = data.kind.budget(protocol)
    if budget is None:
        raise ValueError(f"protocol '{protocol.name}' has no budget for {data.task.id}")
    if protocol.hydrogens is not None:
        backbone.read_hydrogens(protocol.hydrogens)
    if not protocol.standardise:
        data = replace(data, offset=0.0, scale=1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = data.kind.model(backbone, data, protocol)
        settings = protocol.noisy_nodes
        noisy = NoisyNodes(model, **settings.model_dump()) if settings else None
    report = train(
        model,
        data,
        budget.in_steps(data.rows["train"].size),
        budget.epochs or protocol.evaluations,
        seed=seed,
        folder=state,
        key={"run": key},
        progress=progress,
        regularised=noisy,
        patience=budget.patience,
        select=protocol.select,
    )
    predictions, inference = timed_predict(model, data, precision_of(budget))
    return predictions, {"training": round(report.molecules_per_second, 1), **inference}
