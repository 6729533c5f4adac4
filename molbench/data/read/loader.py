"""Seeded, sharded, resumable epochs over a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

B_co = TypeVar("B_co", covariant=True)


class Source(Protocol[B_co]):
    """Where records are: a :class:`~molbench.data.read.store.Store`, or a reader of pairs."""

    def batch(self, rows: np.ndarray, targets: Sequence[str] = (), forces: bool = False) -> B_co:
        """Gather records into one batch."""
        ...


class Loader(Generic[B_co]):
    """Batches of a store, in an order that is a pure function of seed and epoch.

    Nothing is remembered between batches, so that a run resumes anywhere by asking for
    ``epoch(number, start)``, and every rank finds its share without communication: global batch ``k`` holds
    ``batch_size * world_size`` records of the shuffled epoch, cut into one contiguous piece a rank.

    Args:
        store: Where the records are.
        rows: Rows of the split, [n].
        batch_size: Records a batch and rank.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle, anew each epoch.
        drop_last: Whether to leave out the last, smaller global batch. With several ranks it is left out
            always when shuffling, so that all ranks take the same number of steps.
        targets: Columns each batch carries.
        forces: Whether each batch carries forces.
        rank: This process, from 0.
        world_size: Number of processes.
    """

    def __init__(
        self,
        store: Source[B_co],
        rows: np.ndarray,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        targets: Sequence[str] = (),
        forces: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size} processes")
        self.store = store
        self.all_rows = np.asarray(rows, dtype=np.int64)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last or (shuffle and world_size > 1)
        self.targets = tuple(targets)
        self.forces = forces
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        """Batches an epoch on this rank."""
        whole, rest = divmod(self.all_rows.size, self.batch_size * self.world_size)
        if self.drop_last:
            return whole
        # Without dropping, a rank whose piece of the last global batch is empty has one batch fewer.
        return whole + (rest > self.rank * self.batch_size)

    def rows(self, epoch: int) -> Iterator[np.ndarray]:
        """Row numbers of each batch of one epoch on this rank."""
        order = self.all_rows
        if self.shuffle:
            order = order[np.random.default_rng([self.seed, epoch]).permutation(order.size)]
        stride = self.batch_size * self.world_size
        for index in range(len(self)):
            start = index * stride + self.rank * self.batch_size
            yield order[start : min(start + self.batch_size, (index + 1) * stride)]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[B_co]:
        """Batches of one epoch from batch number ``start`` on."""
        for index, rows in enumerate(self.rows(epoch)):
            if index >= start:
                yield self.store.batch(rows, self.targets, self.forces)
