"""A file of predictions for any number of tasks and seeds, matched with the records they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from molbench.errors import UserError, quoted
from molbench.evaluation.handed_in.columns import Columns
from molbench.evaluation.kinds.forces import force_unit
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.score import score
from molbench.evaluation.tested import TestRecords
from molbench.spec.catalogue import TaskRef
from molbench.spec.units import factor, unit_called

_MAX_SEED = 1 << 31


@dataclass(frozen=True, eq=False)
class PredictionsFile:
    """Rows of a file, by task and seed.

    Attributes:
        columns: The cells.
        rows: Task id and seed to numbers of rows.
    """

    columns: Columns
    rows: dict[tuple[str, int], list[int]]

    @classmethod
    def read(cls, path: Path) -> PredictionsFile:
        """Read a file; which records it is for is not looked at yet.

        Raises:
            UserError: If it is no table of predictions.
        """
        columns = Columns.read(path)
        rows: dict[tuple[str, int], list[int]] = {}
        for row in range(len(columns)):
            seed = 0.0
            if "seed" in columns.values:
                seed = columns.number("seed", row)
                if seed != int(seed) or not 0 <= seed < _MAX_SEED:
                    raise columns.fault(row, "seed", f"{seed:g} is no seed")
            rows.setdefault((columns.text("task", row), int(seed)), []).append(row)
        return cls(columns, rows)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it says, in whatever order."""
        return self.columns.digest

    @property
    def tasks(self) -> list[str]:
        """Ids of its tasks, in order of appearance."""
        return list(dict.fromkeys(task for task, _ in self.rows))

    def seeds(self, task: str) -> list[int]:
        """Seeds that it has of a task, ascending."""
        return sorted(seed for name, seed in self.rows if name == task)

    def of(self, tested: TestRecords, seed: int) -> Predictions:
        """Predictions of one task and seed in the dataset's own unit, beside the dataset's labels.

        Args:
            tested: The test records.
            seed: The seed.

        Raises:
            UserError: Naming row and column, if an id is unknown, missing or doubled, or a value is wrong.
        """
        task, columns = tested.task, self.columns
        rows = self._ordered(tested, seed)
        if tested.target.ndim == 2:
            points = tested.target.shape[1]
            values = np.stack([self._list("prediction", row, points, "points") for row in rows])
        else:
            values = np.array([columns.number("prediction", row) for row in rows])
        if tested.forces is None:
            self._refuse_forces(task, rows)
        scale = np.array([self._factor("unit", row, task.unit) for row in rows])
        values *= scale if values.ndim == 1 else scale[:, None]
        forces = None
        if tested.forces is not None:
            unit, sizes = force_unit(task), np.diff(tested.forces.offsets)
            pieces = [
                self._list("forces", row, size, "numbers, three for each atom")
                * self._factor("force_unit", row, unit)
                for row, size in zip(rows, sizes, strict=True)
            ]
            components = np.concatenate(pieces).astype(np.float32)
            forces = ForcePredictions(tested.forces.target, components, tested.forces.offsets, unit)
        return Predictions(list(tested.row_of), tested.target, values, task.unit, forces, tested.clusters)

    def _ordered(self, tested: TestRecords, seed: int) -> list[int]:
        """Rows in the order of the test records."""
        task, row_of = tested.task, dict[str, int]()
        for row in self.rows.get((task.id, seed), ()):
            name = self.columns.text("id", row)
            if name not in tested.row_of:
                raise self.columns.fault(
                    row,
                    "id",
                    f"{quoted(name)} is no test record of {task.id}{_fold(task)}, as "
                    f"'{next(iter(tested.row_of))}' is; `molbench submit template {task.id}` writes them all",
                )
            if name in row_of:
                first = row_of[name] + self.columns.first_line
                raise self.columns.fault(row, "id", f"'{name}' has a prediction already, in {first}")
            row_of[name] = row
        if missing := [name for name in tested.row_of if name not in row_of]:
            raise UserError(
                f"{self.columns.path}: no prediction for '{missing[0]}' of {task.id}{_fold(task)}, "
                f"seed {seed} ({len(missing)} of {len(tested.row_of)} missing)"
            )
        return [row_of[name] for name in tested.row_of]

    def _refuse_forces(self, task: TaskRef, rows: Sequence[int]) -> None:
        """Refuse forces of a task that asks for none: whoever wrote them would think them scored."""
        cells = self.columns.values.get("forces")
        if cells and (given := [row for row in rows if cells[row] not in (None, "", [])]):
            raise self.columns.fault(given[0], "forces", f"{task.id} asks for no forces; leave this empty")

    def _list(self, column: str, row: int, length: int, what: str) -> np.ndarray:
        if column not in self.columns.values:
            raise UserError(f"{self.columns.path}: no column '{column}', which a task of this kind needs")
        numbers = self.columns.numbers(column, row)
        if numbers.size != length:
            raise self.columns.fault(row, column, f"{numbers.size} numbers where there are {length} {what}")
        return numbers

    def _factor(self, column: str, row: int, unit: str) -> float:
        if column not in self.columns.values:
            return 1.0
        given = self.columns.text(column, row)
        try:
            return 1.0 if given == unit else factor(unit_called(given), unit)
        except ValueError as error:
            raise self.columns.fault(row, column, f"{error}; the dataset is in {unit}") from None


@lru_cache(maxsize=1)
def opened(path: Path, modified: int) -> PredictionsFile:  # noqa: ARG001 - a file that changed is read again
    """A file that several runs read one after the other."""
    return PredictionsFile.read(path)


def refuse_faults(file: PredictionsFile, tasks: Sequence[TaskRef]) -> None:
    """Look at every row, and whether there is a score of it, before anything is written or goes.

    Raises:
        UserError: Naming the first fault.
    """
    for task in tasks:
        for seed in file.seeds(task.id):
            predictions = file.of(TestRecords.of(task.at(seed)), seed)
            try:
                score(task.task, predictions)
            except UserError as error:
                raise UserError(f"{file.columns.path}: {task.id}, seed {seed}: {error}") from error


def _fold(task: TaskRef) -> str:
    return f" ({task.split_name})" if task.fold else ""
