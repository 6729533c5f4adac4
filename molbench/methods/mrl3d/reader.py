"""Pairs as 2-D graphs and conformers at once, for pretraining that shows an encoder both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from molbench.data.folder.record_identity import COLUMNS
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Rows, Store
from molbench.data.records.pair import both_rows
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.pairs import PairBatch

if TYPE_CHECKING:
    from molbench.chem.features import Kind


@dataclass(eq=False)
class ConformerPairBatch:
    """R pairs in two and in three dimensions; both have the same atoms in the same order.

    Attributes:
        pairs: The 2-D graphs, hydrogens included.
        a: Conformers of the first molecules.
        b: Conformers of the second.
    """

    pairs: PairBatch
    a: MoleculeBatch
    b: MoleculeBatch

    @property
    def num_graphs(self) -> int:
        """Number of pairs, R."""
        return self.pairs.num_graphs

    @property
    def num_records(self) -> int:
        """Number of pairs, R."""
        return self.pairs.num_records

    @property
    def rows(self) -> Tensor | None:
        """Row of each pair in its store, [R]."""
        return self.pairs.rows

    @property
    def targets(self) -> dict[str, Tensor]:
        """Target name to one value a pair, [R]."""
        return self.pairs.targets

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> ConformerPairBatch:
        """A copy on ``device``; ``dtype`` applies to features and positions."""
        return ConformerPairBatch(
            self.pairs.to(device, dtype), self.a.to(device, dtype), self.b.to(device, dtype)
        )


class ConformerPairReader:
    """Reads pairs of which both molecules have a conformer, and leaves out the others.

    Rows are records, [R], or combinations of the first molecule of one and the second of another, [R, 2]. In
    pairs of drugs the molecule with the larger radius comes first, since it is to be surrounded.

    Args:
        store: A store of pairs.
        kind: Which features.
    """

    def __init__(self, store: Store, kind: Kind) -> None:
        self.pairs = PairReader(store, kind, hydrogens=True)

    def batch(self, rows: Rows, targets: Sequence[str] = (), forces: bool = False) -> ConformerPairBatch:
        """Gather pairs; see :meth:`PairReader.batch`.

        Raises:
            ValueError: If combinations are to have targets, which only records have.
        """
        records = np.ascontiguousarray(rows, dtype=np.int64)
        chosen = self._molecules(records)
        embedded = self._embedded(chosen)
        records, chosen = records[embedded], chosen[embedded]
        if self.pairs.kind == "drug":
            radii = self.radii[chosen]
            chosen = np.where((radii[:, 1] > radii[:, 0])[:, None], chosen[:, ::-1], chosen)
        if targets and records.ndim == 2:
            raise ValueError("a combination of the molecules of two records has no targets")
        if forces:
            raise UserError(f"{self.pairs.store.dataset_id}: pairs carry no forces")
        values = {name: torch.from_numpy(self.pairs.store.target(name)[records]) for name in targets}
        a, b = (self.pairs.graphs(chosen[:, side]) for side in (0, 1))
        read = PairBatch(a, b, values, torch.from_numpy(records))
        return ConformerPairBatch(read, self._conformers(chosen[:, 0]), self._conformers(chosen[:, 1]))

    def embedded(self, rows: np.ndarray) -> np.ndarray:
        """Those of some rows that can be read."""
        readable: np.ndarray = rows[self._embedded(self._molecules(rows))]
        return readable

    def combinations(self, rows: np.ndarray, share: float, seed: int) -> np.ndarray:
        """Combinations of any first with any second molecule that occurs in some records, [m, 2].

        Args:
            rows: Records, [n].
            share: How many of all combinations are drawn, at random.
            seed: Of the drawing.
        """
        store = self.pairs.store
        a, b = (_numbered(store.column(key).to_pylist()) for key in COLUMNS["pair"])
        first, second = (rows[np.unique(key[rows], return_index=True)[1]] for key in (a, b))
        total = len(first) * len(second)
        drawn = np.random.default_rng(seed).choice(total, math.ceil(share * total), replace=False)
        return np.stack([first[drawn // len(second)], second[drawn % len(second)]], axis=1)

    def _molecules(self, rows: np.ndarray) -> np.ndarray:
        """Rows of both molecules in the table of molecules, [R, 2]."""
        return np.take_along_axis(self.pairs.choice, both_rows(rows), axis=0)

    def _embedded(self, molecules: np.ndarray) -> np.ndarray:
        both: np.ndarray = self.pairs.molecules.embedded[molecules].all(axis=1)
        return both

    @cached_property
    def radii(self) -> np.ndarray:
        """Largest distance of an atom from the centre of its molecule, [molecules] (Å)."""
        molecules = self.pairs.molecules
        conformers = molecules.conformers(np.arange(len(molecules)))
        sizes = np.diff(conformers.ptr)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        total = np.zeros((len(sizes), 3))
        np.add.at(total, owner, conformers.positions)
        centre = total / np.maximum(sizes, 1)[:, None]
        radii = np.zeros(len(sizes))
        np.maximum.at(radii, owner, np.linalg.norm(conformers.positions - centre[owner], axis=1))
        return radii

    def _conformers(self, molecules: np.ndarray) -> MoleculeBatch:
        conformers = self.pairs.molecules.conformers(molecules)
        return MoleculeBatch(
            torch.from_numpy(conformers.atomic_numbers.astype(np.int64)),
            torch.from_numpy(conformers.positions),
            torch.from_numpy(conformers.ptr),
        )


def _numbered(keys: Sequence[str | None]) -> np.ndarray:
    """One number for each different key, [n]; molecules without one, that cannot be read, share theirs."""
    numbers: np.ndarray = np.unique([key or "" for key in keys], return_inverse=True)[1]
    return numbers
