"""Arrow types of the record columns."""

import numpy as np
import pyarrow as pa

from molbench.data.records import required_columns

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
    "multiplicity": pa.uint8(),
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
    "source_rows": pa.int64(),
}
"""Types of the columns that are not targets; targets are float64."""

UNBOUND = ("bonds", "bond_orders")
"""Lists that have not one entry an atom."""


def record_schema(*names: str) -> pa.Schema:
    """Schema of the required columns and those of ``names``; a name that is no record column is a target.

    Pairs have SMILES where other records have atoms, and are told by these. ``drawn`` says whether the parser
    drew a negative pair, ``source_rows`` how many rows of the source a record stands for.
    """
    every = dict.fromkeys((*required_columns(names), *names))
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


def _offsets(offsets: np.ndarray) -> pa.Array:
    return pa.array(offsets.astype(np.int32))
