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

from molbench.data.leakage.pairs import sides
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Rows, Store
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.pairs import PairBatch

if TYPE_CHECKING:
    from molbench.chem.features import Kind


@dataclass(eq=False)
class MRLBatch:
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

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> MRLBatch:
        """A copy on ``device``; ``dtype`` applies to features and positions."""
        return MRLBatch(self.pairs.to(device, dtype), self.a.to(device, dtype), self.b.to(device, dtype))


class MRLReader:
    """Reads pairs of which both molecules have a conformer, and leaves out the others.

    A row is a record or a combination of the molecules of two, numbered as in
    :func:`~molbench.data.leakage.pairs.sides`. In pairs of drugs the molecule with the larger radius comes
    first, since it is to be surrounded.

    Args:
        store: A store of pairs.
        kind: Which features.
    """

    def __init__(self, store: Store, kind: Kind) -> None:
        self.pairs = PairReader(store, kind, hydrogens=True)

    def batch(self, rows: Rows, targets: Sequence[str] = (), forces: bool = False) -> MRLBatch:
        """Gather pairs; see :meth:`PairReader.batch`. Only records have targets."""
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        chosen = self._molecules(rows)
        embedded = self._embedded(chosen)
        rows, chosen = rows[embedded], chosen[embedded]
        if self.pairs.kind == "drug":
            radii = self.radii[chosen]
            chosen = np.where((radii[:, 1] > radii[:, 0])[:, None], chosen[:, ::-1], chosen)
        if forces:
            raise UserError(f"{self.pairs.store.dataset_id}: pairs carry no forces")
        values = {name: torch.from_numpy(self.pairs.store.target(name)[rows]) for name in targets}
        a, b = (self.pairs.graphs(chosen[:, side]) for side in (0, 1))
        read = PairBatch(a, b, values, torch.from_numpy(rows))
        return MRLBatch(read, self._conformers(chosen[:, 0]), self._conformers(chosen[:, 1]))

    def embedded(self, rows: np.ndarray) -> np.ndarray:
        """Those of some rows that can be read."""
        found: np.ndarray = rows[self._embedded(self._molecules(rows))]
        return found

    def combinations(self, rows: np.ndarray, share: float, seed: int) -> np.ndarray:
        """Row numbers of combinations of any first with any second molecule that occurs in some records.

        Args:
            rows: Records, [n].
            share: How many of all combinations are drawn, at random.
            seed: Of the drawing.
        """
        store = self.pairs.store
        a, b = (_numbered(store.column(f"{side}_inchikey").to_pylist()) for side in "ab")
        first, second = (rows[np.unique(key[rows], return_index=True)[1]] for key in (a, b))
        total = len(first) * len(second)
        drawn = np.random.default_rng(seed).choice(total, math.ceil(share * total), replace=False)
        found: np.ndarray = first[drawn // len(second)] * len(store) + second[drawn % len(second)]
        return len(store) + found

    def _molecules(self, rows: np.ndarray) -> np.ndarray:
        """Rows of both molecules in the table of molecules, [R, 2]."""
        i, j = sides(rows, len(self.pairs.store))
        return np.stack([self.pairs.choice[i, 0], self.pairs.choice[j, 1]], axis=1)

    def _embedded(self, molecules: np.ndarray) -> np.ndarray:
        both: np.ndarray = self.pairs.molecules.embedded[molecules].all(axis=1)
        return both

    @cached_property
    def radii(self) -> np.ndarray:
        """Largest distance of an atom from the centre of its molecule, [molecules] (Å)."""
        molecules = self.pairs.molecules
        found = molecules.conformers(np.arange(len(molecules)))
        sizes = np.diff(found.ptr)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        total = np.zeros((len(sizes), 3))
        np.add.at(total, owner, found.positions)
        centre = total / np.maximum(sizes, 1)[:, None]
        radii = np.zeros(len(sizes))
        np.maximum.at(radii, owner, np.linalg.norm(found.positions - centre[owner], axis=1))
        return radii

    def _conformers(self, molecules: np.ndarray) -> MoleculeBatch:
        found = self.pairs.molecules.conformers(molecules)
        return MoleculeBatch(
            torch.from_numpy(found.atomic_numbers.astype(np.int64)),
            torch.from_numpy(found.positions),
            torch.from_numpy(found.ptr),
        )


def _numbered(keys: Sequence[str | None]) -> np.ndarray:
    """One number for each different key, [n]; molecules without one, that cannot be read, share theirs."""
    numbers: np.ndarray = np.unique([key or "" for key in keys], return_inverse=True)[1]
    return numbers
