"""Backbone and head as one trainable model: values of molecules, or energies with conservative forces."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from molbench.backbones.base import Backbone, GeometryBackbone, Representation
from molbench.backbones.heads.values import energy_and_forces
from molbench.evaluation.data import TaskData
from molbench.evaluation.heads import value_head
from molbench.evaluation.kinds.forces import force_factor
from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch
from molbench.spec.protocol import HeadKind

Prediction = tuple[Tensor, Tensor | None]


class ValueModel(nn.Module):
    """One value or one spectrum a record from the vectors of its molecules.

    Args:
        backbone: Encoder.
        data: Labels.
        loss: On normalised labels, where the task's kind leaves a choice.
        head: See :class:`~molbench.spec.protocol.Protocol`.
        logit_threshold: See there, too.
    """

    labels: Tensor

    def __init__(
        self,
        backbone: Backbone,
        data: TaskData,
        *,
        loss: Literal["l1", "mse"] = "l1",
        head: HeadKind = "standard",
        logit_threshold: float = 0.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = value_head(head, backbone, data)
        self.kind, self.logit_threshold = data.kind, logit_threshold
        self.compare = self.kind.loss(loss)
        self.register_buffer("labels", torch.tensor(data.normalised), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Normalised values or logits, [R], or spectra [R, points]."""
        return self._read_out(self.backbone(batch, vectors=self.head.vectors), batch)

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch; random where the encoder is."""
        labels = self.labels[_rows(batch)]

        def compare(outputs: Tensor) -> Tensor:
            return self.compare(outputs, labels.to(outputs.dtype))

        def predict(encoded: Representation) -> Tensor:
            return self._read_out(encoded, batch)

        return self.backbone.objective(predict, compare, batch, generator, vectors=self.head.vectors)

    def _read_out(self, encoded: Representation, batch: Batch) -> Tensor:
        values: Tensor = self.head(encoded, batch)
        return values.squeeze(-1)

    def predict(self, batch: Batch) -> Prediction:
        """Normalised values or probabilities, [R], or spectra [R, points]."""
        with torch.no_grad():
            outputs = self(batch)
        return self.kind.activation(outputs, self.logit_threshold), None


class ForceModel(nn.Module):
    """Energies from atom features, forces as their negative gradient.

    The loss is ``w L(energy) + (1 - w) L(forces)`` in normalised units.

    Args:
        backbone: Encoder.
        head: Representation and batch to normalised energies, [B].
        data: Energies and scale.
        energy_weight: w.
        loss: L, the mean absolute or squared error.
    """

    labels: Tensor

    def __init__(
        self,
        backbone: GeometryBackbone,
        head: nn.Module,
        data: TaskData,
        energy_weight: float,
        loss: Literal["l1", "mse"] = "l1",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.energy_weight = energy_weight
        self.compare = data.kind.loss(loss)
        self.force_scale = data.scale * force_factor(data.task)
        self.register_buffer("labels", torch.tensor(data.normalised), persistent=False)

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG002
        """Mean loss of a batch; nothing is random."""
        if batch.forces is None:
            raise ValueError("a force model needs forces")
        energies, forces = energy_and_forces(self.backbone, self.head, batch, create_graph=self.training)
        energy_loss = self.compare(energies, self.labels[_rows(batch)].to(energies.dtype))
        force_loss = self.compare(forces, batch.forces / self.force_scale)
        total = self.energy_weight * energy_loss + (1 - self.energy_weight) * force_loss
        return total, {"energy": energy_loss.detach(), "forces": force_loss.detach()}

    def predict(self, batch: MoleculeBatch) -> Prediction:
        """Normalised energies [B], and forces [N, 3] in the dataset's own unit."""
        energies, forces = energy_and_forces(self.backbone, self.head, batch, create_graph=False)
        return energies, forces * self.force_scale


#: What ``finetune`` trains.
Model = ValueModel | ForceModel


def _rows(batch: Batch) -> Tensor:
    if batch.rows is None:
        raise ValueError("labels are found by row: the batch must come from a store")
    return batch.rows
