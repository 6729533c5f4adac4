"""Seeded, resumable epochs over a store, of which several processes can take turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar

import numpy as np

B_co = TypeVar("B_co", covariant=True)


class RecordSource(Protocol[B_co]):
    """Where records are: a :class:`~molbench.data.read.store.Store`, or a reader of pairs."""

    def batch(self, rows: np.ndarray, targets: Sequence[str] = (), forces: bool = False) -> B_co:
        """Gather records into one batch."""
        ...


class Loader(Generic[B_co]):
    """Batches of a store, in an order that is a pure function of seed and epoch.

    Nothing is remembered between batches, so that a run resumes anywhere by asking for
    ``epoch(number, start)``, and every process finds its share without communication by its stride.

    Args:
        store: Where the records are.
        rows: Rows of the split, [n], or of combinations of two records, [n, 2].
        batch_size: Records a batch.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle, anew each epoch.
        drop_last: Whether to leave out the last, smaller batch.
        targets: Columns each batch carries.
        forces: Whether each batch carries forces.
    """

    def __init__(
        self,
        store: RecordSource[B_co],
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        targets: Sequence[str] = (),
        forces: bool = False,
    ) -> None:
        self.store = store
        self.all_rows = np.asarray(rows, dtype=np.int64)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.targets = tuple(targets)
        self.forces = forces

    def __len__(self) -> int:
        """Batches an epoch."""
        whole, rest = divmod(len(self.all_rows), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def rows(self, epoch: int) -> Iterator[np.ndarray]:
        """Row numbers of each batch of one epoch."""
        order = self.all_rows
        if self.shuffle:
            order = order[np.random.default_rng([self.seed, epoch]).permutation(len(order))]
        for index in range(len(self)):
            yield order[index * self.batch_size : (index + 1) * self.batch_size]

    def epoch(self, epoch: int, start: int = 0, stride: int = 1) -> Iterator[B_co]:
        """Batches of one epoch from number ``start`` on, every ``stride``-th."""
        for rows in islice(self.rows(epoch), start, None, stride):
            yield self.store.batch(rows, self.targets, self.forces)
