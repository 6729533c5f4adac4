"""Joining edges to edges: the bonds at the end of a walk, the neighbours of a neighbour."""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.kernels.edges import EdgeList


def branches(keys: Tensor, ends: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """All pairs of rows with ``keys[row] == ends[owner]``, as a database joins two tables.

    Args:
        keys: A number below ``size`` for each of K rows, [K] int64.
        ends: The same for each of W owners, [W] int64.
        size: How many different numbers there may be.

    Returns:
        Owner and row of each pair, ordered by owner, then row, two of [T] int64.
    """
    order = keys.argsort(stable=True)
    degree = torch.bincount(keys, minlength=size)
    first = degree.cumsum(0) - degree
    counts = degree[ends]
    owner = torch.arange(ends.numel(), device=ends.device).repeat_interleave(counts)
    rank = torch.arange(owner.numel(), device=ends.device) - (counts.cumsum(0) - counts)[owner]
    return owner, order[first[ends][owner] + rank]


def triplets(edges: EdgeList, num_atoms: int) -> tuple[Tensor, Tensor]:
    """Pairs of edges k → j and j → i with different k and i: every angle at j, in both directions.

    Args:
        edges: Edges with every direction listed.
        num_atoms: Number of atoms, N.

    Returns:
        Index of the edge k → j and that of j → i, two of [T] int64.
    """
    onward, inward = branches(edges.target, edges.source, num_atoms)
    different = edges.source[inward] != edges.target[onward]
    return inward[different], onward[different]
