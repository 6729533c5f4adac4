"""Two molecules: a solute and a solvent, two drugs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from molbench.data.records.base import RecordKind

if TYPE_CHECKING:
    from molbench.data.records.atom_index import AtomIndex


class PairKind(RecordKind):
    """SMILES of two molecules; each different molecule lies once in ``molecules.parquet``."""

    name = "pair"
    required = ("id", "a_smiles", "b_smiles")
    smiles: ClassVar[Mapping[str, str | None]] = {"a_smiles": "a_inchikey", "b_smiles": "b_inchikey"}
    molecule_table = True
    inputs = "pairs"
    whole = ("pair", "pair")

    @override
    def atom_index(self, records: pa.RecordBatch, folder: Path) -> AtomIndex:
        from molbench.data.records.atom_index import AtomIndex, BondIndex, flat, list_offsets
        from molbench.data.records.molecule_table import read_molecule_table

        columns = ["smiles", "atomic_numbers", "positions", "bonds"]
        table = read_molecule_table(folder, columns).combine_chunks().to_batches()[0]
        atoms, offsets, bonds = (list_offsets(table.column(name)) for name in columns[1:])
        embedded = np.diff(offsets) > 0  # else there are neither atoms nor bonds here
        starts, sizes = bonds[:-1, None], (np.diff(bonds) * embedded)[:, None]
        bond_index = BondIndex(flat(table.column("bonds")).reshape(-1, 2), starts, sizes)
        molecules = AtomIndex(
            flat(table.column("atomic_numbers"))[np.repeat(embedded, np.diff(atoms))],
            flat(table.column("positions")).reshape(-1, 3),
            offsets[:-1, None],
            np.diff(offsets)[:, None],
            bonds=bond_index,
        )
        return molecules.combined(molecule_rows(records, table.column("smiles")))


def molecule_rows(records: pa.RecordBatch, smiles: pa.Array) -> np.ndarray:
    """Which molecules pairs consist of, [n, 2] int64.

    Args:
        records: Pairs.
        smiles: What the molecules are called, each once, as in the pairs.
    """
    rows = [pc.index_in(records.column(side), value_set=smiles).to_numpy() for side in PairKind.smiles]
    return np.stack(rows, axis=1).astype(np.int64)


def both_rows(rows: np.ndarray) -> np.ndarray:
    """Records that give the first and the second molecule of pairs, [R, 2].

    Args:
        rows: Records, [R]; or combinations, the first molecule of one record with the second of another,
            [R, 2].
    """
    return np.broadcast_to(rows if rows.ndim == 2 else rows[:, None], (len(rows), 2))
