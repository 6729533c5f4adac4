"""Functions of a distance, evaluated at evenly spaced nodes and read in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
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

    def part(self, chosen: slice) -> Stencil:
        """The stencil of some of the distances."""
        return Stencil(self.index[chosen], self.weights[chosen], self.size)

    def read(self, values: Tensor) -> Tensor:
        """Functions known at the nodes, [K, F], at the distances, [E, F]."""
        result: Tensor = embedding_bag(self.index, values, per_sample_weights=self.weights, mode="sum")
        return result

    def spread(self, gradient: Tensor) -> Tensor:
        """Derivatives by what is read, [E, F], to those by the values, [K, F]; transposes :meth:`read`."""
        order, weights, first = self._by_node
        result: Tensor = embedding_bag(order, gradient, offsets=first, per_sample_weights=weights, mode="sum")
        return result

    @cached_property
    def _by_node(self) -> tuple[Tensor, Tensor, Tensor]:
        """Distance and weight of each contribution, [4 E], ordered by node, and the first of each node, [K].

        Made once for all functions; the gradient of ``embedding_bag`` would sort the nodes for each of them.
        """
        nodes, order = self.index.flatten().sort(stable=True)
        first = torch.searchsorted(nodes, torch.arange(self.size, device=nodes.device))
        return order // 4, self.weights.flatten()[order], first
