"""The molecules of records: what they are called, drawn as and grouped by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from molbench.chem.connectivity import connectivity_key, smiles_connectivity
from molbench.chem.inchikeys import inchikey
from molbench.data.folder.record_identity import first_blocks
from molbench.data.records import SMILES

GEOMETRY = ("atomic_numbers", "positions")


def smiles_columns(names: Sequence[str]) -> list[str]:
    """Columns that name the molecules of a record, with their keys."""
    columns = {name for smiles, key in SMILES.items() if smiles in names for name in (smiles, key)}
    return [name for name in names if name in columns]


def named_molecules(table: pa.Table) -> tuple[pa.Table, int]:
    """The distinct molecules of some records.

    Returns:
        Columns ``key``, the first block of the InChIKey, and ``smiles``; and how many molecules have no key.
    """
    sides = []
    for smiles, key in SMILES.items():
        if smiles in table.column_names:
            text = table.column(smiles).combine_chunks()
            keys = (
                table.column(key).combine_chunks()
                if key in table.column_names
                else pa.array([_inchikey(t) for t in text.to_pylist()], pa.string())
            )
            sides.append(pa.table({"key": first_blocks(keys), "smiles": text}))
    molecules = pa.concat_tables(sides)
    unidentified = molecules.column("key").null_count
    distinct = molecules.drop_null().group_by("key", use_threads=False).aggregate([("smiles", "first")])
    return distinct.select(["key", "smiles_first"]).rename_columns(["key", "smiles"]), unidentified


def connectivity(table: pa.Table) -> pa.Array:
    """The bond graph of each record, told from its geometry."""
    return pa.array(
        [
            connectivity_key(np.array(numbers), np.array(positions).reshape(-1, 3))
            for numbers, positions in zip(
                table.column("atomic_numbers").to_pylist(), table.column("positions").to_pylist(), strict=True
            )
        ],
        pa.string(),
    )


def graph_columns(names: Sequence[str]) -> list[str]:
    """Columns that tell the bond graphs of a record's molecules: its geometry, else what names them."""
    return [*GEOMETRY] if {*GEOMETRY} <= {*names} else [name for name in SMILES if name in names]


def bond_graphs(table: pa.Table) -> list[pa.Array]:
    """The bond graph of each molecule of each record, null where none can be read; see ``graph_columns``.

    Returns:
        An array of keys, [n], for every molecule that a record has.
    """
    if "positions" in table.column_names:
        return [connectivity(table)]
    return [
        pa.array([_graph(text) for text in table.column(name).to_pylist()], pa.string())
        for name in graph_columns(table.column_names)
    ]


@lru_cache(maxsize=4096)
def _graph(smiles: str | None) -> str | None:
    return smiles_connectivity(smiles) if smiles else None


@lru_cache(maxsize=4096)
def _inchikey(smiles: str | None) -> str | None:
    return inchikey(smiles)
