"""Assembly of molecules that come with their bonds into tables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk
from molbench.data.build.parsers.columns import UNBOUND, MoleculeChunk

Bonds = tuple[Sequence[Sequence[int]], Sequence[int]]
"""Atom indices from 0, each bond once, [K, 2], and orders (1, 2, 3; 4 is aromatic), [K]."""


class BondedChunk(MoleculeChunk):
    """Collects molecules and their bonds.

    Args:
        schema: Columns; without ``bonds`` and ``bond_orders`` among them the bonds are dropped.
    """

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(pa.schema([field for field in schema if field.name not in UNBOUND]))
        self._all = schema
        self._bonds: list[Bonds] = []

    def add_bonded(
        self,
        identifier: str,
        atoms: tuple[Sequence[int], Sequence[float]],
        bonds: Bonds,
        where: str,
        **values: Any,
    ) -> None:
        """Add one molecule.

        Args:
            identifier: Value of the column ``id``.
            atoms: Atomic numbers, [N], and coordinates (Å), [3 N].
            bonds: Its bonds.
            where: File and place.
            **values: Value of each other column.
        """
        self.add(identifier, *atoms, where, **values)
        self._bonds.append(bonds)

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        offsets = pa.array(np.cumsum([0, *(len(orders) for _, orders in self._bonds)]), pa.int32())
        pairs = np.array([end for bonds, _ in self._bonds for bond in bonds for end in bond], dtype=np.uint16)
        orders = np.array([order for _, orders in self._bonds for order in orders], dtype=np.uint8)
        made = {
            "bonds": pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(pa.array(pairs), 2)),
            "bond_orders": pa.ListArray.from_arrays(offsets, pa.array(orders)),
        }
        self._bonds = []
        chunk = super().take()
        columns = [made[name] if name in made else chunk.table.column(name) for name in self._all.names]
        return replace(chunk, table=pa.Table.from_arrays(columns, schema=self._all))
