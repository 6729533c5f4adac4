"""What a batch of records is, whatever the records are read as."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Batch(Protocol):
    """R records in the form that one kind of encoder takes: geometries, 2-D graphs, or both."""

    @property
    def num_records(self) -> int:
        """Number of records, R."""

    @property
    def num_graphs(self) -> int:
        """What throughput counts: molecules, or pairs where the molecules of a pair are encoded together."""

    @property
    def targets(self) -> dict[str, Tensor]:
        """Target name to one value a record in the dataset's own unit, [R], or one spectrum, [R, points]."""

    @property
    def rows(self) -> Tensor | None:
        """Row of each record in its store, [R]; both rows of combinations of two records, [R, 2]; or None."""

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Self:
        """A copy on ``device``; ``dtype`` applies to what is measured or computed, never to targets."""
