"""Reads ``molecules.parquet``, the molecules of a subset of pairs, into flat arrays for whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from molbench.errors import UserError

if TYPE_CHECKING:
    from molbench.chem.features import Kind

MOLECULES_FILE = "molecules.parquet"

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def _rows_of(kind: pa.DataType, width: int) -> pa.DataType:
    return pa.list_(pa.list_(kind, width))


SCHEMA = pa.schema(
    [
        ("smiles", pa.string()),
        ("inchikey", pa.string()),
        ("embedding", pa.string()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("positions", _rows_of(pa.float32(), 3)),
        ("bonds", _rows_of(pa.uint16(), 2)),
        ("masses", pa.list_(pa.float32())),
        ("skeleton_bonds", pa.uint16()),
        ("interaction_atoms", _rows_of(pa.uint8(), 7)),
        ("interaction_skeleton", _rows_of(pa.uint8(), 7)),
        ("interaction_bonds", _rows_of(pa.uint8(), 2)),
        ("drug_atoms", _rows_of(pa.uint8(), 17)),
        ("drug_skeleton", _rows_of(pa.uint8(), 17)),
        ("drug_bonds", _rows_of(pa.uint8(), 2)),
    ]
)
"""Columns of the table.

``embedding`` is ``etkdg``, ``random`` or ``failed: `` and the reason; positions (Å) are empty then.

Hydrogens stand behind all other atoms and their bonds behind all other bonds, so that the graph without
explicit hydrogens, the *skeleton*, is the beginning of both lists; its length in atoms is that of the
``*_skeleton`` columns, in bonds ``skeleton_bonds``. Features are bits, eight a byte, the first bit highest:
``*_atoms`` of the graph with hydrogens, ``*_skeleton`` of the atoms of the skeleton alone, ``*_bonds`` of the
bonds of both. Masses (u) belong to the drug features.
"""


def read_molecule_table(folder: Path, columns: Sequence[str] = SCHEMA.names) -> pa.Table:
    """Some columns of the table of a built subset.

    Raises:
        UserError: If it is missing, damaged, or of another release.
    """
    path = folder / MOLECULES_FILE
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.remove_metadata() != SCHEMA:
                raise UserError(f"{path}: not the columns of this release; build the dataset anew")
            return file.read(columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read: {error}; build the dataset anew") from error


@dataclass(frozen=True)
class Graphs:
    """2-D graphs of some molecules, one behind the other.

    Attributes:
        ptr: First atom of each graph, and the end of the last, [graphs + 1].
        atoms: Features of every atom, [atoms, bits].
        bonds: The two atoms of each bond, each bond once, [bonds, 2].
        bond_features: Features of every bond, [bonds, bits].
    """

    ptr: Ints
    atoms: Floats
    bonds: Ints
    bond_features: Floats


@dataclass(frozen=True)
class Conformers:
    """Conformers of some molecules, one behind the other; a molecule without one has no atoms.

    Attributes:
        ptr: First atom of each molecule, and the end of the last, [molecules + 1].
        atomic_numbers: Nuclear charges, [atoms].
        positions: Coordinates, [atoms, 3] (Å).
    """

    ptr: Ints
    atomic_numbers: NDArray[np.uint8]
    positions: Floats


class Molecules:
    """All molecules of one subset, by row of the table; atoms in the order of RDKit, hydrogens last.

    Args:
        table: In the columns of ``SCHEMA``.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table.combine_chunks()
        self.smiles: list[str] = table.column("smiles").to_pylist()

    @classmethod
    def open(cls, folder: Path) -> Molecules:
        """The table of a built subset.

        Raises:
            UserError: If it is missing, damaged, or of another release.
        """
        return cls(read_molecule_table(folder))

    def __len__(self) -> int:
        return len(self.smiles)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.smiles)}

    @cached_property
    def embedded(self) -> NDArray[np.bool_]:
        """Whether each molecule has a conformer, [molecules]."""
        return np.diff(self._ragged("positions")[0]) > 0

    def rows(self, smiles: Sequence[str]) -> Ints:
        """Rows of molecules by their SMILES, as written in the source, [n].

        Raises:
            UserError: If one of them is not in the table.
        """
        try:
            return np.array([self._row_of[name] for name in smiles], dtype=np.int64)
        except KeyError as error:
            raise UserError(f"{MOLECULES_FILE}: no molecule {error}; build the dataset anew") from None

    def graphs(self, rows: Ints, kind: Kind, *, hydrogens: bool = True) -> Graphs:
        """2-D graphs with the features of 3DMRL.

        Args:
            rows: Rows of the table, [n]; one may occur more than once.
            kind: ``interaction`` (56 and 10 bits) or ``drug`` (134 and 14).
            hydrogens: Whether hydrogens that the SMILES implies are atoms of the graph.
        """
        from molbench.chem.features import ATOM_BITS, BOND_BITS, MASS_COLUMN

        column = f"{kind}_{'atoms' if hydrogens else 'skeleton'}"
        ptr, taken = _gather(self._ragged(column)[0], rows)
        atoms = _unpacked(self._ragged(column)[1][taken], ATOM_BITS[kind])
        if kind == "drug":
            offsets, masses = self._ragged("masses")
            atoms[:, MASS_COLUMN] = 0.01 * masses[_gather(offsets, rows, np.diff(ptr))[1]]
        offsets, bonds = self._ragged("bonds")
        counts = None if hydrogens else self._skeleton_bonds[rows]
        bond_ptr, taken = _gather(offsets, rows, counts)
        shift = np.repeat(ptr[:-1], np.diff(bond_ptr))
        return Graphs(
            ptr,
            atoms,
            bonds[taken].astype(np.int64) + shift[:, None],
            _unpacked(self._ragged(f"{kind}_bonds")[1][taken], BOND_BITS[kind]),
        )

    def conformers(self, rows: Ints) -> Conformers:
        """Conformers, hydrogens included.

        Args:
            rows: Rows of the table, [n]; one may occur more than once.
        """
        offsets, positions = self._ragged("positions")
        ptr, taken = _gather(offsets, rows)
        starts, numbers = self._ragged("atomic_numbers")
        return Conformers(ptr, numbers[_gather(starts, rows, np.diff(ptr))[1]], positions[taken])

    @cached_property
    def _skeleton_bonds(self) -> Ints:
        return np.asarray(self._table.column("skeleton_bonds").to_numpy(), dtype=np.int64)

    @cached_property
    def _flat(self) -> dict[str, tuple[Ints, NDArray[Any]]]:
        return {}

    def _ragged(self, name: str) -> tuple[Ints, NDArray[Any]]:
        """Offsets, [molecules + 1], and entries, [all, ...], of a list column; made when first asked for."""
        if name not in self._flat:
            column = self._table.column(name).combine_chunks()
            lengths = column.value_lengths().to_numpy()
            offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
            entries = column.flatten()
            if pa.types.is_fixed_size_list(entries.type):
                values = entries.flatten().to_numpy().reshape(-1, entries.type.list_size)
            else:
                values = entries.to_numpy()
            self._flat[name] = (offsets, values)
        return self._flat[name]


def _gather(offsets: Ints, rows: Ints, counts: Ints | None = None) -> tuple[Ints, Ints]:
    """Where the entries of ``rows`` lie: bounds of each among those taken, and the index of each entry.

    Args:
        offsets: Bounds of every row among all entries, [molecules + 1].
        rows: Rows wanted, [n].
        counts: How many entries of each row, from its first; by default all, [n].
    """
    if counts is None:
        counts = offsets[rows + 1] - offsets[rows]
    ptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    index = np.arange(ptr[-1]) + np.repeat(offsets[rows] - ptr[:-1], counts)
    return ptr, index


def _unpacked(packed: NDArray[np.uint8], bits: int) -> Floats:
    return np.unpackbits(packed, axis=1, count=bits).astype(np.float32)
