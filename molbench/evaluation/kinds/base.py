"""What a kind of task has to say, with the answers of one number a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.scale import scale_warning
from molbench.metrics import METRICS
from molbench.metrics.metric import Metric
from molbench.spec.dataset import Dataset, Target
from molbench.spec.protocol import Protocol
from molbench.spec.spectra import SpectrumColumn
from molbench.spec.tasks import Task
from molbench.spec.training import Budget
from molbench.spec.units import same_dimension

if TYPE_CHECKING:  # libraries are imported by what needs them: rows are scored again without torch
    import torch

    from molbench.backbones.base import Backbone
    from molbench.data.read.store import Store
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.embedding import Embedding
    from molbench.evaluation.models import Model
    from molbench.evaluation.predictions import Predictions
    from molbench.spec.catalogue import TaskRef

    Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Normalisation:
    """What a model learns is ``(label - reference - offset) / scale``, all in the dataset's own unit.

    Attributes:
        references: What is subtracted from the label of each record, [n, …].
        offset: The same for all records; of spectra one for each point.
        scale: Not zero.
    """

    references: np.ndarray
    offset: float | np.ndarray = 0.0
    scale: float = 1.0


class TaskKind(ABC):
    """A kind of task: what is predicted, how it is learnt and how it is scored. Its objects have no state.

    Attributes:
        name: As in ``tasks.yaml``.
        families: Families of metrics that apply.
        learns: Whether something is learnt from a training split; otherwise the encoder itself is looked at.
        reads_forces: Whether a model is given the true forces of every record.
        probes_vectors: Whether the probe needs nothing of an encoder but a vector a record, so that tasks and
            seeds can share the vectors.
        continuous: Whether labels and predictions are numbers on one scale, which a figure can compare.
        usual_metrics: Metrics of a task that is declared for a user's own labels, the primary one first.
        standardised: Whether models of such a task learn standardised labels.
        alike: What is said of a split whose labels are all the same.
    """

    name: ClassVar[str]
    families: ClassVar[tuple[str, ...]]
    learns: ClassVar[bool] = True
    reads_forces: ClassVar[bool] = False
    probes_vectors: ClassVar[bool] = True
    continuous: ClassVar[bool] = True
    usual_metrics: ClassVar[tuple[str, ...]] = ()
    standardised: ClassVar[bool] = True
    alike: ClassVar[str] = "all {split} records have the same label"

    # What is declared

    @classmethod
    def recognises(cls, values: Set[float], unit: str) -> bool:  # noqa: ARG003
        """Whether a user's own labels are surely of this kind.

        Args:
            values: All different values, where there are few.
            unit: Of the labels.
        """
        return False

    def columns(self, dataset: Dataset) -> Mapping[str, Target | SpectrumColumn]:
        """Columns that such a task may predict."""
        return dataset.targets

    def protocol(self, asked: Protocol) -> Protocol:
        """The protocol of a run where ``asked`` is asked for."""
        return asked

    def labels(self, task: TaskRef, store: Store) -> np.ndarray:
        """Labels of all records in the dataset's own unit, NaN where missing, [n] or [n, points]."""
        return store.target(task.task.target)

    def unfit(self, task: TaskRef, backbone: type[Backbone]) -> str | None:  # noqa: ARG002
        """Why a task is none for a backbone that reads its records, or None."""
        return None

    def check(self, task: TaskRef, protocol: Protocol) -> None:
        """Refuse a task that cannot be scored, from its declaration alone.

        Raises:
            UserError: If the target, its unit or a metric is none of this kind, or the protocol has no budget
                for it.
        """
        declared = task.task
        if declared.target not in self.columns(task.dataset):
            known = ", ".join(self.columns(task.dataset)) or "none"
            raise UserError(
                f"{task.id}: a task of kind '{self.name}' cannot predict '{declared.target}', but: {known}"
            )
        for name in declared.metrics:
            if METRICS[name].family not in self.families:
                raise UserError(f"{task.id}: metric '{name}' does not fit a task of kind '{self.name}'")
        if self.learns and protocol.kind == "audit":
            raise UserError(f"{task.id}: protocol '{protocol.name}' is of audits alone")
        if protocol.kind == "finetune" and self.budget(protocol) is None:
            raise UserError(f"{task.id}: protocol '{protocol.name}' has no budget for {self.name}")
        unit = self.compared_unit(task)
        if unit is not None and not same_dimension(unit, declared.unit):
            raise UserError(f"{task.id}: '{unit}' cannot be told in '{declared.unit}', which tasks.yaml says")

    def must_vary(self, task: Task) -> bool:
        """Whether a task needs labels that differ."""
        return any(METRICS[name].varied for name in task.metrics)

    def undefined(self, task: Task, labels: np.ndarray, split: str = "test") -> str | None:
        """Why the labels of a split leave a metric of the task undefined whatever is predicted, or None.

        Args:
            task: The declaration.
            labels: Labels of the split, none of them missing.
            split: Its name.
        """
        if labels.size and np.ptp(labels) > 0:
            return None
        titles = [METRICS[name].title for name in task.metrics if METRICS[name].varied]
        return f"{self.alike.format(split=split)}; {titles[0]} is not defined" if titles else None

    def unlearnable(self, labels: np.ndarray) -> str | None:  # noqa: ARG002
        """Why there is nothing to learn from the known labels of the training split, or None."""
        return None

    # What is learnt

    @abstractmethod
    def normalisation(
        self, task: TaskRef, store: Store, labels: np.ndarray, train: np.ndarray
    ) -> Normalisation:
        """How labels become what a model learns.

        Args:
            task: The task.
            store: Its records.
            labels: Labels of all records, NaN where missing.
            train: Rows of the training split, of which alone statistics are taken.

        Raises:
            UserError: If the labels are none of this kind.
        """

    def budget(self, protocol: Protocol) -> Budget | None:
        """What ``finetune`` may spend."""
        return protocol.training

    def model(self, backbone: Backbone, data: TaskData, protocol: Protocol) -> Model:
        """What ``finetune`` trains: the encoder with a head."""
        from molbench.evaluation.models import ValueModel

        return ValueModel(
            backbone, data, loss=protocol.loss, head=protocol.head, logit_threshold=protocol.logit_threshold
        )

    def loss(self, name: Literal["l1", "mse"]) -> Loss:
        """Loss between outputs of a model and normalised labels; ``name`` where there is a choice."""
        from torch.nn import functional

        return functional.mse_loss if name == "mse" else functional.l1_loss

    def activation(self, outputs: torch.Tensor, logit_threshold: float) -> torch.Tensor:  # noqa: ARG002
        """Outputs of a model as predictions of normalised labels."""
        return outputs

    # What is fitted to the vectors of a frozen encoder, or to fingerprints

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
        """Predictions of the test split from a frozen encoder, and records per second of each stage.

        Args:
            backbone: The encoder.
            data: Records and labels.
            protocol: Penalties and folds.
            seed: Of what is random.
            device: Where the encoder runs.
            embedding: Vectors of all records, where they are known already.
        """
        from molbench.evaluation.embedding import embed_store
        from molbench.evaluation.probe import probe
        from molbench.evaluation.train import as_predictions

        embedding = embedding or embed_store(backbone, data.store, device)
        values = probe(embedding.features, data, protocol, seed)
        return as_predictions(data, values), {"embedding": round(embedding.molecules_per_second, 1)}

    def too_few(self, labels: np.ndarray) -> str | None:
        """What is missing among normalised training labels that something could be fitted to."""
        return "two training records" if len(labels) < 2 else None

    def linear(self, labels: np.ndarray, protocol: Protocol, seed: int) -> Any:  # noqa: ARG002
        """A scikit-learn model of these normalised labels that chooses its own penalty."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        # Leave-one-out in closed form from one singular value decomposition, for every penalty at once.
        return make_pipeline(StandardScaler(), RidgeCV(alphas=protocol.alphas))

    def trees(self) -> type[Any] | None:
        """scikit-learn's gradient boosting for such labels; None where there is none."""
        return None

    def predicted(self, fitted: Any, features: np.ndarray) -> np.ndarray:
        """What a fitted scikit-learn model predicts, in normalised labels."""
        values: np.ndarray = fitted.predict(features)
        return values

    # How it is scored

    def units(self, task: Task, metric: Metric, predictions: Predictions) -> tuple[str, str]:
        """Units of what a metric compares: as predicted, and as reported."""
        return predictions.unit, self.reported_unit(task, metric)

    def reported_unit(self, task: Task, metric: Metric) -> str:  # noqa: ARG002
        """Unit in which a metric of a task is reported, where its values have one."""
        return task.unit

    def compared_unit(self, task: TaskRef) -> str | None:
        """Unit of what the metrics compare, before they are told in the task's; None for a pure number."""
        return task.unit

    def force_unit(self, task: TaskRef) -> str | None:  # noqa: ARG002
        """Unit of the forces that are predicted beside the labels; None where there are none."""
        return None

    def scale_warnings(self, task: Task, predictions: Predictions) -> list[str]:
        """Signs that predictions are in another unit than the labels."""
        warning = scale_warning(task.target, predictions.target, predictions.prediction, predictions.unit)
        return [warning] if warning else []
