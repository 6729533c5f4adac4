"""Where the atoms of each record lie in flat buffers, and how a batch is gathered from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch


@dataclass(frozen=True, eq=False)
class BondIndex:
    """Where the bonds of n records of P molecules each lie.

    Attributes:
        atoms: Both atoms of each bond, counted from the first of their molecule, [L, 2].
        starts: First bond of each molecule of each record, [n, P] int64.
        sizes: Its number of bonds, [n, P] int64.
    """

    atoms: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of_records(cls, table: pa.RecordBatch) -> BondIndex:
        """Records that carry their bonds, each one molecule."""
        column = table.column("bonds")
        offsets = list_offsets(column)
        return cls(flat(column).reshape(-1, 2), offsets[:-1, None], np.diff(offsets)[:, None])


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
        bonds: Where their bonds lie, or None.
        molecules: The molecules that the records choose from, one a row, where several records share one.
        choice: Which of them stands at each place, [n, P] int64, or None.
    """

    numbers: np.ndarray
    positions: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    forces: np.ndarray | None = None
    is_ligand: np.ndarray | None = None
    bonds: BondIndex | None = None
    molecules: AtomIndex | None = None
    choice: np.ndarray | None = None

    @classmethod
    def of_records(cls, table: pa.RecordBatch) -> AtomIndex:
        """Records that carry their atoms, each one molecule."""
        offsets = list_offsets(table.column("atomic_numbers"))
        return cls(
            flat(table.column("atomic_numbers")),
            flat(table.column("positions")).reshape(-1, 3),
            offsets[:-1, None],
            np.diff(offsets)[:, None],
            flat(table.column("forces")).reshape(-1, 3) if "forces" in table.schema.names else None,
            bonds=BondIndex.of_records(table) if "bonds" in table.schema.names else None,
        )

    def combined(self, choice: np.ndarray) -> AtomIndex:
        """Records made of these molecules.

        Args:
            choice: Which molecules each record consists of, [n, P] int64.
        """
        bonds = self.bonds and BondIndex(
            self.bonds.atoms, self.bonds.starts[choice, 0], self.bonds.sizes[choice, 0]
        )
        return replace(
            self,
            starts=self.starts[choice, 0],
            sizes=self.sizes[choice, 0],
            bonds=bonds,
            molecules=self,
            choice=choice,
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
        if self.bonds is not None:
            counts = self.bonds.sizes[rows].reshape(-1)
            bonds, _ = _ranges(self.bonds.starts[rows].reshape(-1), counts)
            first = np.repeat(ptr[:-1], counts)[:, None]
            fields["bonds"] = torch.from_numpy(self.bonds.atoms[bonds].astype(np.int64) + first)
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


def _ranges(starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranges one after the other, and where each begins among them: [sum(sizes)] and [len(sizes) + 1]."""
    ptr = np.zeros(sizes.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=ptr[1:])
    return np.arange(ptr[-1]) + np.repeat(starts - ptr[:-1], sizes), ptr
