"""Leaving the test molecules of tasks out of pretraining, by what they are and not by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef

#: Records read at a time.
_CHUNK = 1024


@dataclass(frozen=True)
class ExcludedRecords:
    """What was left out.

    Attributes:
        tasks: Ids of the tasks whose test molecules were looked for.
        identities: How molecules were compared, for each dataset: ``inchikey`` (its first block, so that
            stereoisomers count as one) or ``connectivity`` (the bond graph told from the geometry).
        records: Records left out.
    """

    tasks: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    records: int = 0


def exclude(store: Store, rows: np.ndarray, tasks: Sequence[TaskRef]) -> tuple[np.ndarray, ExcludedRecords]:
    """Rows without any molecule that is in the test split of one of ``tasks``.

    InChIKeys are compared where every record of both sides has one, else bond graphs.

    Args:
        store: The pretraining data.
        rows: Rows meant for pretraining, [n].
        tasks: Their datasets must be built.

    Returns:
        The rows that stay, in their order, and what happened.

    Raises:
        UserError: If a task's dataset is not built, or no row stays.
    """
    keep = np.ones(len(rows), dtype=bool)
    trained = _Identities(store, rows)
    identities = []
    for test in _test_sets(tasks):
        compared_by = (
            "inchikey" if trained.inchikeys is not None and test.inchikeys is not None else "connectivity"
        )
        identities.append(f"{test.name}: {compared_by}")
        tested = pc.unique(test.keys(compared_by))
        keep &= ~pc.is_in(trained.keys(compared_by), value_set=tested).to_numpy(False)
    if not keep.any():
        raise UserError(
            f"all {len(rows)} molecules of {store.dataset_id} are test molecules of the tasks to exclude"
        )
    return rows[keep], ExcludedRecords(tuple(ref.id for ref in tasks), tuple(identities), int((~keep).sum()))


class _Identities:
    """Keys of some rows of a store, each kind computed once and only when asked for."""

    def __init__(self, store: Store, rows: np.ndarray, name: str = "") -> None:
        self.name = name
        self._store, self._rows = store, rows
        self._connectivity: pa.Array | None = None
        self.inchikeys = self._read_inchikeys()

    def keys(self, compared_by: str) -> pa.Array:
        """One key a row."""
        if compared_by == "inchikey":
            return self.inchikeys
        if self._connectivity is None:
            self._connectivity = pa.array(self._connectivity_keys(), pa.string())
        return self._connectivity

    def _read_inchikeys(self) -> pa.Array | None:
        """First blocks of the InChIKeys, or None where one is missing."""
        if "inchikey" not in self._store.table.schema.names:
            return None
        keys = self._store.column("inchikey").take(pa.array(self._rows))
        return None if keys.null_count else pc.utf8_slice_codeunits(keys, 0, 14)

    def _connectivity_keys(self) -> Iterator[str]:
        from molbench.chem.connectivity import connectivity_key  # loads RDKit

        for start in range(0, len(self._rows), _CHUNK):
            batch = self._store.batch(self._rows[start : start + _CHUNK])
            numbers, positions, bounds = (
                batch.atomic_numbers.numpy(),
                batch.positions.numpy(),
                batch.ptr.tolist(),
            )
            for first, last in pairwise(bounds):
                yield connectivity_key(numbers[first:last], positions[first:last])


def _test_sets(tasks: Sequence[TaskRef]) -> list[_Identities]:
    """The distinct test splits of some tasks."""
    test_sets: dict[tuple[str, str | None, str], _Identities] = {}
    for ref in tasks:
        scheme = (ref.entry.id, ref.subset, ref.scheme_name)
        if scheme in test_sets:
            continue
        if ref.folder is None:
            raise UserError(
                f"cannot exclude the test molecules of {ref.id}: the dataset is not built here; "
                f"run `molbench data build {ref.entry.id}`"
            )
        store = Store.open(ref.folder, ref.subset)
        name = "/".join(part for part in scheme[:2] if part) + f"@{ref.scheme_name}"
        every = ref.scheme.folds[0] > 0  # over its folds a cross-validation tests on every record
        rows = np.arange(len(store)) if every else store.rows(ref.scheme_name, "test")
        test_sets[scheme] = _Identities(store, rows, name)
    return list(test_sets.values())
