"""What is counted over all processes of data-parallel training."""

from __future__ import annotations

from torch import Tensor, distributed


def over_processes(*counts: Tensor) -> None:
    """Add up counts over the processes, in place, so that each knows of all records; one process has them."""
    if distributed.is_available() and distributed.is_initialized():
        for count in counts:
            distributed.all_reduce(count)
