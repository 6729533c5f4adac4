"""Batches of 2-D graphs from a store of pairs; no conformer is touched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch

from molbench.data.read.store import Rows, Store
from molbench.data.records.molecule_table import Molecules
from molbench.data.records.pair import molecule_rows
from molbench.errors import UserError
from molbench.graph.pairs import MolecularGraphs, PairBatch

if TYPE_CHECKING:
    from molbench.chem.features import Kind


class PairReader:
    """Reads pairs as 2-D graphs where a :class:`Store` reads them as conformers.

    Args:
        store: A store of pairs.
        kind: Which features: ``interaction`` (56 bits an atom, 10 a bond) or ``drug`` (134, 14).
        hydrogens: Whether the hydrogens that a SMILES implies are atoms.

    Raises:
        UserError: If the store holds no pairs.
    """

    def __init__(self, store: Store, kind: Kind, *, hydrogens: bool = True) -> None:
        if not store.record.molecule_table:
            raise UserError(f"{store.dataset_id} holds no pairs of molecules")
        self.store = store
        self.kind = kind
        self.hydrogens = hydrogens

    @cached_property
    def molecules(self) -> Molecules:
        """The table of all molecules."""
        return Molecules.open(self.store.subset_folder)

    @cached_property
    def choice(self) -> np.ndarray:
        """Row of both molecules of each pair in :attr:`molecules`, [n, 2] int64."""
        return molecule_rows(self.store.table, pa.array(self.molecules.smiles))

    def batch(self, rows: Rows, targets: Sequence[str] = (), forces: bool = False) -> PairBatch:
        """Gather pairs into one batch.

        Args:
            rows: Row numbers, [R], in the order wanted.
            targets: Columns to carry along as float64.
            forces: Pairs have none; must be False.
        """
        if forces:
            raise UserError(f"{self.store.dataset_id}: pairs carry no forces")
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        a, b = (self.graphs(self.choice[rows, side]) for side in (0, 1))
        values = {name: torch.from_numpy(self.store.target(name)[rows]) for name in targets}
        return PairBatch(a, b, values, torch.from_numpy(rows))

    def graphs(self, molecules: np.ndarray) -> MolecularGraphs:
        """2-D graphs of some rows of :attr:`molecules`, [n]."""
        graphs = self.molecules.graphs(molecules, self.kind, hydrogens=self.hydrogens)
        return MolecularGraphs(
            *map(torch.from_numpy, (graphs.atoms, graphs.bonds, graphs.bond_features, graphs.ptr))
        )
