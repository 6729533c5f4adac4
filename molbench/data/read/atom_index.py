"""Where the atoms of each record lie in flat buffers, and how a batch is gathered from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch


@dataclass(frozen=True, eq=False)
class AtomIndex:
    """Where the atoms of n records of P molecules each lie.

    Attributes:
        numbers: Nuclear charges of all atoms, [M] uint8.
        positions: Coordinates in Å, [M, 3] float32.
        starts: First atom of each molecule of each record, [n, P] int64.
        sizes: Its number of atoms, [n, P] int64.
        forces: Forces, [M, 3] float32, or None.
        is_ligand: Whether an atom is the ligand's, [M] bool, or None.
        bonds: Pairs of atoms, counted from the first of their molecule, [L, 2], or None.
        bond_starts: First bond of each molecule of each record, [n, P] int64, or None.
        bond_sizes: Its number of bonds, [n, P] int64, or None.
        molecules: The molecules that the records choose from, one a row, where several records share one.
        choice: Which of them stands at each place, [n, P] int64, or None.
    """

    numbers: np.ndarray
    positions: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    forces: np.ndarray | None = None
    is_ligand: np.ndarray | None = None
    bonds: np.ndarray | None = None
    bond_starts: np.ndarray | None = None
    bond_sizes: np.ndarray | None = None
    molecules: AtomIndex | None = None
    choice: np.ndarray | None = None

    @classmethod
    def of_records(cls, table: pa.RecordBatch) -> AtomIndex:
        """Records that carry their atoms; a column ``structure`` divides those of each into two molecules."""
        offsets = list_offsets(table.column("atomic_numbers"))
        starts, sizes = offsets[:-1, None], np.diff(offsets)[:, None]
        if two := "structure" in table.schema.names:
            second = np.add.reduceat(flat(table.column("structure")).astype(np.int64), offsets[:-1])[:, None]
            sizes = np.hstack([sizes - second, second])
            starts = np.hstack([starts, starts + sizes[:, :1]])
        bonds: dict[str, Any] = _bonds(table) if "bonds" in table.schema.names and not two else {}
        return cls(
            flat(table.column("atomic_numbers")),
            flat(table.column("positions")).reshape(-1, 3),
            starts,
            sizes,
            flat(table.column("forces")).reshape(-1, 3) if "forces" in table.schema.names else None,
            flat(table.column("is_ligand")) if "is_ligand" in table.schema.names else None,
            **bonds,
        )

    @classmethod
    def of_pairs(cls, pairs: pa.RecordBatch, molecules: pa.RecordBatch) -> AtomIndex:
        """Pairs that name their molecules by SMILES; the atoms are in a table of one row a molecule.

        Atoms and bonds of a molecule without a conformer are left out.
        """
        single = cls.of_molecules(molecules)
        names = molecules.column("smiles")
        index = np.stack(
            [pc.index_in(pairs.column(f"{side}_smiles"), value_set=names).to_numpy() for side in "ab"], axis=1
        )
        return cls(
            single.numbers,
            single.positions,
            single.starts[index, 0],
            single.sizes[index, 0],
            bonds=single.bonds,
            bond_starts=None if single.bond_starts is None else single.bond_starts[index, 0],
            bond_sizes=None if single.bond_sizes is None else single.bond_sizes[index, 0],
            molecules=single,
            choice=index,
        )

    @classmethod
    def of_molecules(cls, table: pa.RecordBatch) -> AtomIndex:
        """Rows of ``molecules.parquet``, whose positions may be empty where atoms and bonds are not."""
        atoms, places = (list_offsets(table.column(name)) for name in ("atomic_numbers", "positions"))
        embedded = np.diff(places) > 0
        bonds = list_offsets(table.column("bonds"))
        bond_sizes = np.diff(bonds) * embedded
        return cls(
            flat(table.column("atomic_numbers"))[np.repeat(embedded, np.diff(atoms))],
            flat(table.column("positions")).reshape(-1, 3),
            places[:-1, None],
            np.diff(places)[:, None],
            bonds=flat(table.column("bonds")).reshape(-1, 2),
            bond_starts=bonds[:-1, None],
            bond_sizes=bond_sizes[:, None],
        )

    @property
    def index(self) -> np.ndarray:
        """Molecule of each place of each record, [n, P] int64, in the numbering of :attr:`distinct`."""
        return np.arange(self.starts.size).reshape(self.starts.shape) if self.choice is None else self.choice

    @property
    def distinct(self) -> AtomIndex:
        """Every different molecule once, as records of one molecule."""
        if self.molecules is not None:
            return self.molecules
        if self.molecules_per_record == 1:
            return self
        return replace(self, starts=self.starts.reshape(-1, 1), sizes=self.sizes.reshape(-1, 1))

    @property
    def molecules_per_record(self) -> int:
        """Molecules of a record, P."""
        return int(self.starts.shape[1])

    def gather(self, rows: np.ndarray, *, forces: bool) -> dict[str, Any]:
        """Fields of a batch of R records: all that concerns atoms.

        Args:
            rows: Record numbers, [R] int64.
            forces: Whether forces are wanted.
        """
        sizes = self.sizes[rows].reshape(-1)
        atoms, ptr = _ranges(self.starts[rows].reshape(-1), sizes)
        fields: dict[str, Any] = {
            "atomic_numbers": torch.from_numpy(self.numbers[atoms].astype(np.int64)),
            "positions": torch.from_numpy(self.positions[atoms]),
            "ptr": torch.from_numpy(ptr),
            "molecules_per_record": self.molecules_per_record,
        }
        if forces and self.forces is not None:
            fields["forces"] = torch.from_numpy(self.forces[atoms])
        if self.is_ligand is not None:
            fields["is_ligand"] = torch.from_numpy(self.is_ligand[atoms])
        if self.bonds is not None and self.bond_starts is not None and self.bond_sizes is not None:
            counts = self.bond_sizes[rows].reshape(-1)
            bonds, _ = _ranges(self.bond_starts[rows].reshape(-1), counts)
            first = np.repeat(ptr[:-1], counts)[:, None]
            fields["bonds"] = torch.from_numpy(self.bonds[bonds].astype(np.int64) + first)
        return fields


def list_offsets(column: pa.Array) -> np.ndarray:
    """First entry of each row of a list column, then their total, [n + 1] int64."""
    offsets: np.ndarray = column.offsets.to_numpy().astype(np.int64)
    return offsets


def flat(column: pa.Array) -> np.ndarray:
    """Entries of a list column, one after the other, without copying where they are numbers."""
    values = column.values
    while pa.types.is_fixed_size_list(values.type):
        values = values.flatten()
    array: np.ndarray = values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))
    return array


def _bonds(table: pa.RecordBatch) -> dict[str, np.ndarray]:
    column = table.column("bonds")
    offsets = list_offsets(column)
    return {
        "bonds": flat(column).reshape(-1, 2),
        "bond_starts": offsets[:-1, None],
        "bond_sizes": np.diff(offsets)[:, None],
    }


def _ranges(starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranges one after the other, and where each begins among them: [sum(sizes)] and [len(sizes) + 1]."""
    ptr = np.zeros(sizes.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=ptr[1:])
    return np.arange(ptr[-1]) + np.repeat(starts - ptr[:-1], sizes), ptr
