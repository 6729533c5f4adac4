"""The test records of a task, and predictions of anybody's beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from molbench.data.read.store import Store
from molbench.errors import UserError, quoted
from molbench.evaluation.data import clusters, labelled
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True, eq=False)
class TestRecords:
    """The test records of a task.

    Attributes:
        task: The task, of a cross-validation the fold.
        row_of: Record id to its row.
        target: Labels in the dataset's unit, in that order.
        forces: Force components likewise, for force tasks.
        clusters: Names of their clusters likewise.
    """

    __test__ = False  # of a task, not of pytest
    task: TaskRef
    row_of: dict[str, int]
    target: np.ndarray
    forces: ForcePredictions | None
    clusters: pa.ListArray | None

    @classmethod
    def of(cls, task: TaskRef) -> TestRecords:
        """Read them from the built dataset."""
        if task.folder is None:
            raise ValueError(f"{task.id} is not built")
        return cls.read(task, Store.open(task.folder, task.subset))

    @classmethod
    def read(cls, task: TaskRef, store: Store) -> TestRecords:
        """Read them from an open store."""
        labels = kind_of(task.task).labels(task, store)
        rows = labelled(task, store, "test", labels)
        ids = store.ids.take(rows).to_pylist()
        forces = None
        if kind_of(task.task).reads_forces and task.dataset.forces is not None:
            batch = store.batch(rows, forces=True)
            offsets = np.concatenate([[0], batch.sizes.numpy().cumsum() * 3])
            true = np.asarray(batch.forces, dtype=np.float32).reshape(-1)
            forces = ForcePredictions(true, true, offsets, task.dataset.forces.unit)
        row_of = {name: i for i, name in enumerate(ids)}
        return cls(task, row_of, labels[rows], forces, clusters(task, store, rows))

    def labelled(self, given: Predictions) -> Predictions:
        """Predictions beside the dataset's own labels, in the dataset's order.

        Raises:
            UserError: If they are not one for each test record, or of another unit or shape.
        """
        self._check_ids(given.ids)
        if given.unit != self.task.unit:
            raise UserError(
                f"its predictions are in {quoted(given.unit)[1:-1]}, {self.task.id} is in {self.task.unit}"
            )
        order = np.argsort([self.row_of[name] for name in given.ids])
        if given.prediction[order].shape != self.target.shape:
            raise UserError(
                f"its predictions have the shape {given.prediction.shape}, its labels {self.target.shape}"
            )
        forces = None
        if self.forces is not None:
            if given.forces is None or given.forces.unit != self.forces.unit:
                raise UserError(f"it has no forces in {self.forces.unit}")
            in_order = given.forces.take(order)
            if not np.array_equal(in_order.offsets, self.forces.offsets):
                raise UserError("its forces are not three for each atom of each record")
            forces = replace(self.forces, prediction=in_order.prediction)
        values = given.prediction[order]
        return Predictions(self._ids, self.target, values, given.unit, forces, self.clusters)

    @cached_property
    def _ids(self) -> list[str]:
        """One list for the thousands of results that a task may have."""
        return list(self.row_of)

    def _check_ids(self, ids: Sequence[str]) -> None:
        known = self.row_of.keys()
        if extra := [name for name in ids if name not in known]:
            raise UserError(f"{quoted(extra[0])} is no test record of {self.task.id} ({len(extra)} such ids)")
        if len(ids) != len(known):
            missing = sorted(known - set(ids))
            raise UserError(f"no prediction for '{missing[0]}' of {self.task.id} ({len(missing)} missing)")
