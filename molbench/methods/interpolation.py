"""Functions of a distance, evaluated at evenly spaced nodes and read in between."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function
from torch.nn.functional import embedding_bag


def nodes(limit: float, spacing: float, like: Tensor) -> Tensor:
    """Nodes from one spacing below zero to beyond the limit, [K]."""
    count = math.ceil(limit / spacing) + 5
    return (torch.arange(count, device=like.device, dtype=like.dtype) - 1) * spacing


@dataclass(frozen=True, eq=False)
class Stencil:
    """Where E distances lie among K nodes.

    Attributes:
        index: The four nodes around each, [E, 4].
        weights: Those of Lagrange's cubic polynomial through them, [E, 4].
        size: Number of nodes, K.
    """

    index: Tensor
    weights: Tensor
    size: int

    @classmethod
    def of(cls, distances: Tensor, spacing: float, size: int) -> Stencil:
        """The stencil of distances [E] among ``size`` :func:`nodes`."""
        cell = (distances / spacing).floor()
        t = distances / spacing - cell
        weights = [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
        index = cell.long().unsqueeze(-1) + torch.arange(4, device=cell.device)
        return cls(index, torch.stack(weights, dim=-1), size)

    def read(self, values: Tensor) -> Tensor:
        """Functions known at the nodes, [K, F], at the distances, [E, F]; differentiable in the values."""
        return _read(values.to(self.weights.dtype), self)

    @cached_property
    def spread(self) -> Tensor:
        """The matrix that takes derivatives by what is read to those by the values, [K, E] sparse.

        Made once for all functions; the gradient of ``embedding_bag`` would sort the nodes for each of them.
        """
        nodes, order = self.index.flatten().sort(stable=True)
        rows = torch.arange(self.size + 1, device=nodes.device)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
            return torch.sparse_csr_tensor(
                torch.searchsorted(nodes, rows),
                order // 4,
                self.weights.flatten()[order],
                (self.size, len(self.index)),
                check_invariants=False,
            )


class _Read(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, stencil: Stencil) -> Tensor:
        ctx.stencil = stencil
        result: Tensor = embedding_bag(stencil.index, values, per_sample_weights=stencil.weights, mode="sum")
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.stencil.spread @ gradient, None


_read: Callable[[Tensor, Stencil], Tensor] = _Read.apply
