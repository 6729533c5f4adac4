"""The records of one task as models see them: rows of each split and normalised labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from molbench.data.read.clusters import cluster_names
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.kinds.base import TaskKind
from molbench.evaluation.prediction_columns import CLUSTERS
from molbench.spec.catalogue import TaskRef
from molbench.spec.splits import SPLITS


@dataclass(frozen=True, eq=False)
class TaskData:
    """Rows and labels of one task.

    A model learns ``(label - reference - offset) / scale`` in double precision; see
    :meth:`~molbench.evaluation.kinds.base.TaskKind.normalisation`.

    Attributes:
        task: The task.
        store: Its records.
        rows: Rows of each split that have a label, ascending.
        labels: Labels of all rows in the dataset's own unit, [n] float64, or spectra, [n, points] float32.
        references: See above, own unit, [n, …] float64.
        offset: See above, own unit; for spectra of each point, [points].
        scale: See above, own unit.
    """

    task: TaskRef
    store: Store
    rows: dict[str, np.ndarray]
    labels: np.ndarray
    references: np.ndarray
    offset: float | np.ndarray
    scale: float

    @classmethod
    def open(cls, task: TaskRef, store: Store, train: int | None = None, seed: int = 0) -> TaskData:
        """Read labels and splits of a task.

        Args:
            task: The task.
            store: Its records.
            train: Use only so many training records, drawn by ``seed``; more of them include the fewer.
            seed: See above.

        Raises:
            UserError: If a split has no label, or the labels are none of the task's kind.
        """
        declaration = task.task
        labels = kind_of(declaration).labels(task, store)
        rows = labelled_splits(task, store, labels)
        if train is not None:
            drawn = np.random.default_rng(seed).permutation(rows["train"])[:train]
            rows["train"] = np.sort(drawn)
        learnt = kind_of(declaration).normalisation(task, store, labels, rows["train"])
        return cls(task, store, rows, labels, learnt.references, learnt.offset, learnt.scale)

    @property
    def kind(self) -> TaskKind:
        """What the kind of the task means."""
        return kind_of(self.task.task)

    @property
    def normalised(self) -> np.ndarray:
        """What a model learns, for all rows, [n] float64, or [n, points] float32."""
        values: np.ndarray = (self.labels - self.references - self.offset) / self.scale
        return values

    def restore(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Model outputs for ``rows`` in the dataset's own unit."""
        restored: np.ndarray = values.astype(np.float64) * self.scale + self.offset + self.references[rows]
        return restored

    @property
    def outputs(self) -> int:
        """Numbers a model gives for a record: points of a spectrum, else 1."""
        return int(self.labels.shape[1]) if self.labels.ndim == 2 else 1

    @property
    def unit(self) -> str:
        """Unit of the labels."""
        return self.task.unit


def labelled_splits(task: TaskRef, store: Store, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of each split that have a label; only test rows where nothing is learnt.

    Raises:
        UserError: If a split has none.
    """
    used = SPLITS if kind_of(task.task).learns else ("test",)
    none = np.zeros(0, dtype=np.int64)
    return {split: labelled(task, store, split, labels) if split in used else none for split in SPLITS}


def labelled(task: TaskRef, store: Store, split: str, labels: np.ndarray) -> np.ndarray:
    """Rows of a split that have a label, ascending.

    Raises:
        UserError: If none has.
    """
    rows = store.rows(task.split_name, split)
    known = np.isfinite(labels[rows])
    labelled_rows: np.ndarray = rows[known.all(axis=1) if known.ndim == 2 else known]
    if labelled_rows.size == 0:
        raise UserError(f"{task.id}: no record of the {split} split has a value of '{task.task.target}'")
    return labelled_rows


def clusters(task: TaskRef, store: Store, rows: np.ndarray) -> pa.ListArray | None:
    """Names of the clusters of records, as their predictions carry them; None where they are independent."""
    return pa.array(cluster_names(store, rows, task.clusters), CLUSTERS) if task.clusters else None
