"""Arrow types of the record columns, and the assembly of molecules into tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Failure

VECTORS = pa.list_(pa.list_(pa.float32(), 3))

RECORD_TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "atomic_numbers": pa.list_(pa.uint8()),
    "positions": VECTORS,
    "forces": VECTORS,
    "smiles": pa.string(),
    "inchikey": pa.string(),
    "level_of_theory": pa.string(),
    "frame": pa.int64(),
    "time_fs": pa.float64(),
    "mulliken": pa.list_(pa.float32()),
    "charge": pa.int8(),
    "group": pa.string(),
    "weight": pa.float64(),
    "bonds": pa.list_(pa.list_(pa.uint16(), 2)),
    "bond_orders": pa.list_(pa.uint8()),
    # Complexes.
    "is_ligand": pa.list_(pa.bool_()),
    "structure": pa.list_(pa.uint8()),
    "residue_index": pa.list_(pa.int32()),
    "residue_name": pa.list_(pa.string()),
    "ligand_smiles": pa.string(),
    "sequence": pa.string(),
    "relation": pa.string(),
    # Pairs.
    "a_smiles": pa.string(),
    "b_smiles": pa.string(),
    "drawn": pa.bool_(),
}
"""Types of the columns that are not targets; targets are float64."""

REQUIRED = ("id", "atomic_numbers", "positions")
REQUIRED_OF_PAIRS = ("id", "a_smiles", "b_smiles")
UNBOUND = ("bonds", "bond_orders")
"""Lists that have not one entry an atom."""


def record_schema(*names: str) -> pa.Schema:
    """Schema of the required columns and those of ``names``; a name that is no record column is a target.

    Records with ``a_smiles`` are pairs, which have SMILES where other records have atoms.
    """
    required = REQUIRED_OF_PAIRS if "a_smiles" in names else REQUIRED
    every = dict.fromkeys((*required, *names))
    return pa.schema([(name, RECORD_TYPES.get(name, pa.float64())) for name in every])


def vectors(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """Per-atom vectors as one list a record.

    Args:
        values: Three a atom, [atoms, 3] or flat.
        offsets: Start of each record among the atoms, and the end of the last, [n + 1].
    """
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
    return pa.ListArray.from_arrays(_offsets(offsets), pa.FixedSizeListArray.from_arrays(flat, 3))


def scalars(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """Per-atom numbers as one list a record; arguments as for ``vectors``, ``values`` [atoms]."""
    return pa.ListArray.from_arrays(_offsets(offsets), pa.array(values))


class MoleculeChunk:
    """Collects molecules one at a time until there are enough for a chunk.

    Args:
        schema: Columns; ``id``, ``atomic_numbers`` and ``positions`` among them.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self._failures: list[Failure] = []
        self._places: list[str] = []

    def __len__(self) -> int:
        return len(self._columns["id"]) + len(self._failures)

    @property
    def full(self) -> bool:
        """Whether the chunk should be yielded."""
        return len(self) >= CHUNK_RECORDS

    def add(
        self, identifier: str, numbers: Sequence[int], positions: Sequence[float], where: str, **values: Any
    ) -> None:
        """Add one molecule.

        Args:
            identifier: Value of the column ``id``.
            numbers: Atomic numbers, [N].
            positions: Coordinates (Å), x, y, z of the first atom and so on, [3 N].
            where: File and place.
            **values: Value of each other column.
        """
        lists = {"positions": positions} | {k: v for k, v in values.items() if isinstance(v, list)}
        with np.errstate(over="ignore"):
            stored = {name: np.array(entries).astype(np.float32) for name, entries in lists.items()}
        record = {"id": identifier, "atomic_numbers": np.array(numbers, dtype=np.uint8), **values, **stored}
        self._places.append(where)
        for name, column in self._columns.items():
            column.append(record[name])

    def fail(self, identifier: str, where: str, reason: str) -> None:
        """Count one record that could not be read."""
        self._failures.append(Failure(identifier, where, reason))

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        columns = self._columns
        offsets = np.cumsum([0, *(len(numbers) for numbers in columns["atomic_numbers"])])
        arrays = []
        for field in self._schema:
            values = columns[field.name]
            if field.type == VECTORS:
                arrays.append(vectors(np.concatenate([np.empty(0), *values]), offsets))
            elif pa.types.is_list(field.type):
                kind = field.type.value_type.to_pandas_dtype()
                arrays.append(scalars(np.concatenate([np.empty(0, kind), *values], dtype=kind), offsets))
            else:
                arrays.append(pa.array(values, field.type))
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        chunk = Chunk(table, tuple(self._failures), tuple(self._places))
        self._columns = {name: [] for name in self._schema.names}
        self._failures, self._places = [], []
        return chunk


def _offsets(offsets: np.ndarray) -> pa.Array:
    return pa.array(offsets.astype(np.int32))
