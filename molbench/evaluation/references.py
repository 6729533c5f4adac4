"""What a record's label would be if its atoms were free."""

from __future__ import annotations

import numpy as np

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef

_RECORDS = 4096


def free_atoms(task: TaskRef, store: Store) -> np.ndarray:
    """Sum of the values that a record's atoms have when free, [n]; zeros where the task does not ask for it.

    Raises:
        UserError: If the target declares none, or not of an element that a record holds.
    """
    sums = np.zeros(len(store))
    if not task.task.reference:
        return sums
    reference = task.dataset.targets[task.task.target].reference
    if reference is None:
        raise UserError(f"{task.id}: reference: true, but target '{task.task.target}' declares no references")
    from rdkit.Chem import GetPeriodicTable

    table = np.full(119, np.nan)
    for symbol, value in reference.items():
        table[GetPeriodicTable().GetAtomicNumber(symbol)] = value
    for start in range(0, len(store), _RECORDS):
        rows = np.arange(start, min(start + _RECORDS, len(store)))
        batch = store.batch(rows)
        values = table[batch.atomic_numbers.numpy()]
        sums[rows] = np.bincount(batch.molecule.numpy(), values, rows.size)
    if not np.isfinite(sums).all():
        raise UserError(
            f"{task.id}: a record holds an element without a reference; there are {list(reference)}"
        )
    return sums
