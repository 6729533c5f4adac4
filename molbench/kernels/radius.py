"""Pairs of atoms within a distance, by comparing all pairs of a molecule."""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call


def near_pairs(positions: Tensor, end: Tensor, cutoff: float) -> EdgeList:
    """Pairs no further apart than the cutoff, each once, ordered by source, then target.

    Distances are taken in double precision, as the k-d tree takes them. The kernels must be usable.

    Args:
        positions: Å, [N, 3].
        end: Behind the last atom of each atom's molecule, [N] int64.
        cutoff: Å.
    """
    x = positions.detach().double().t().contiguous()
    limit, size = x.new_tensor(cutoff**2), len(positions)
    count = torch.empty(size, dtype=torch.int64)
    work = int((end - torch.arange(size)).sum())
    call("count_near", x.dtype, work, size, end, x, limit, count)
    behind = count.cumsum(0)
    total = int(behind[-1]) if size else 0
    source, target = (torch.empty(total, dtype=torch.int64) for _ in range(2))
    call("list_near", x.dtype, work, size, end, x, limit, behind - count, source, target)
    return EdgeList(source, target, True)
