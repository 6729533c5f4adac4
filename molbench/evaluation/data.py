"""The records of one task as models see them: rows of each split and normalised labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef
from molbench.spec.splits import SPLITS
from molbench.spec.units import convert

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class TaskData:
    """Rows and labels of one task.

    A model learns ``(label - reference - offset) / scale`` in double precision, where ``reference`` is the
    sum of the task's per-atom values and ``offset`` and ``scale`` come from the training split alone: its
    mean and standard deviation, or for force tasks its mean energy and the root mean square of its force
    components.

    Attributes:
        task: The task.
        store: Its records.
        rows: Rows of each split that have a label, ascending.
        labels: Labels of all rows in the dataset's own unit, [n] float64, or spectra, [n, points] float32.
        references: Sum of the per-atom values of each row, [n] float64, zero where the task has none.
        offset: See above, own unit; for spectra the mean training spectrum, [points].
        scale: See above, own unit; 1 where the task does not standardise.
        force_factor: What a force in the energy's unit per Å is multiplied by to be in the force unit.
    """

    task: TaskRef
    store: Store
    rows: dict[str, np.ndarray]
    labels: np.ndarray
    references: np.ndarray
    offset: float | np.ndarray
    scale: float
    force_factor: float = 1.0

    @classmethod
    def open(cls, task: TaskRef, store: Store, train: int | None = None, seed: int = 0) -> TaskData:
        """Read labels and splits of a task.

        Args:
            task: The task.
            store: Its records.
            train: Use only so many training records, drawn by ``seed``; more of them include the fewer.
            seed: See above.

        Raises:
            UserError: If a split has no label, labels of a classification are not 0 and 1, or units clash.
        """
        declaration = task.task
        labels = store.target(declaration.target)
        rows = {split: _labelled(task, store, split, labels) for split in SPLITS}
        if train is not None:
            drawn = np.random.default_rng(seed).permutation(rows["train"])[:train]
            rows["train"] = np.sort(drawn)
        if declaration.kind == "spectrum":
            return cls(
                task, store, rows, labels, np.zeros((len(store), 1)), *_spectral(labels, rows["train"])
            )
        references = _references(task, store)
        learnt = labels[rows["train"]] - references[rows["train"]]
        offset, scale, factor = 0.0, 1.0, 1.0
        if declaration.kind == "classification":
            if not np.isin(labels[np.isfinite(labels)], (0, 1)).all():
                raise UserError(f"{task.id}: classes must be 0 and 1")
        elif declaration.kind == "forces":
            factor = _force_factor(task)
            offset = float(learnt.mean())
            if declaration.standardise:
                scale = _force_scale(store, rows["train"]) / factor
        elif declaration.standardise:
            offset, scale = float(learnt.mean()), float(learnt.std())
        # Labels that are all the same would be divided by zero.
        return cls(task, store, rows, labels, references, offset, scale or 1.0, factor)

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

    @property
    def force_unit(self) -> str:
        """Unit of the forces of a force task."""
        if self.task.dataset.forces is None:
            raise ValueError(f"{self.task.id} has no forces")
        return self.task.dataset.forces.unit


def _labelled(task: TaskRef, store: Store, split: str, labels: np.ndarray) -> np.ndarray:
    rows = store.rows(task.split_name, split)
    known = np.isfinite(labels[rows])
    found: np.ndarray = rows[known.all(axis=1) if known.ndim == 2 else known]
    if found.size == 0:
        raise UserError(f"{task.id}: no record of the {split} split has a value of '{task.task.target}'")
    return found


def _spectral(spectra: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean training spectrum, and the root mean square deviation from it over all points."""
    mean, square = np.zeros(spectra.shape[1]), 0.0
    for rows in np.array_split(train, max(1, train.size // _CHUNK)):
        mean += spectra[rows].sum(axis=0, dtype=np.float64) / train.size
    for rows in np.array_split(train, max(1, train.size // _CHUNK)):
        square += float(((spectra[rows] - mean) ** 2).sum())
    return mean.astype(np.float32), float(np.sqrt(square / (train.size * spectra.shape[1]))) or 1.0


def _references(task: TaskRef, store: Store) -> np.ndarray:
    """Sum over the atoms of every record of the target's per-atom values."""
    sums = np.zeros(len(store))
    reference = task.dataset.targets[task.task.target].reference
    if not task.task.reference:
        return sums
    if reference is None:
        raise UserError(f"{task.id}: reference: true, but target '{task.task.target}' declares no references")
    from rdkit.Chem import GetPeriodicTable

    table = np.full(119, np.nan)
    for symbol, value in reference.items():
        table[GetPeriodicTable().GetAtomicNumber(symbol)] = value
    for rows in _chunks(len(store)):
        batch = store.batch(rows)
        values = table[batch.atomic_numbers.numpy()]
        sums[rows] = np.bincount(batch.molecule.numpy(), values, rows.size)
    if not np.isfinite(sums).all():
        raise UserError(
            f"{task.id}: a record holds an element without a reference; there are {list(reference)}"
        )
    return sums


def _force_factor(task: TaskRef) -> float:
    forces, energy = task.dataset.forces, task.dataset.targets[task.task.target].unit
    if forces is None:
        raise UserError(f"{task.id}: dataset '{task.entry.id}' declares no forces")
    try:
        return convert(1.0, f"{energy}/Å", forces.unit)
    except ValueError as error:
        raise UserError(
            f"{task.id}: forces in {forces.unit} cannot belong to energies in {energy}"
        ) from error


def _force_scale(store: Store, rows: np.ndarray) -> float:
    """Root mean square of all force components of ``rows``."""
    squares, count = 0.0, 0
    for chunk in np.array_split(rows, max(1, rows.size // _CHUNK)):
        forces = store.batch(chunk, forces=True).forces
        if forces is not None:
            squares += float(forces.double().square().sum())
            count += forces.numel()
    return float(np.sqrt(squares / count))


def _chunks(n: int) -> Iterator[np.ndarray]:
    for start in range(0, n, _CHUNK):
        yield np.arange(start, min(start + _CHUNK, n))
