"""Filters of distances from a table of them: cubic interpolation, and the sum over neighbours that uses it.

A filter network sees nothing of an edge but its distance. Evaluated at the points of an even grid, whose
number does not grow with the batch, it costs a fraction of what it costs on every edge; between four points
it is the cubic polynomial through them. A plain sum over neighbours reads the table and never writes the
filters of the edges; other sums take what :func:`interpolate` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn.functional import embedding_bag

from molbench.kernels.convolution import convolve
from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable

#: Points of a grid for the width of a Gaussian of the distance basis: the cubic polynomial between them is as
#: exact as single precision.
POINTS = 20
# Those of a thread that fill a vector register.
_FEWEST_COLUMNS = 16


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Where the distances of E edges lie between the points of a grid.

    Attributes:
        first: First of the four points around a distance, [E] int64.
        shares: Lagrange's cubic polynomials of the four, [E, 4]; all 0 for a distance beyond the grid.
    """

    first: Tensor
    shares: Tensor

    def values(self, table: Tensor) -> Tensor:
        """What lies between the rows of a table, [G, F] to [E, F]."""
        rows = self.first.unsqueeze(-1) + torch.arange(4, device=self.first.device)
        result: Tensor = embedding_bag(rows, table, per_sample_weights=self.shares, mode="sum")
        return result


def grid(end: float, intervals: int, like: Tensor) -> Tensor:
    """Points at even distances, one before 0 and two behind ``end``, [intervals + 4], typed as ``like``."""
    return ((torch.arange(intervals + 4, dtype=torch.float64) - 1) * (end / intervals)).to(like)


def interpolation(distances: Tensor, end: float, intervals: int) -> Interpolation:
    """Where distances lie on the points of :func:`grid`.

    Args:
        distances: [E], from 0.
        end: Distance from which on filters are 0.
        intervals: Between 0 and the end.
    """
    at = between((distances * (intervals / end)).clamp(max=intervals))
    return Interpolation(at.first, at.shares * (distances < end).unsqueeze(-1))


def between(position: Tensor) -> Interpolation:
    """Where positions, [E] from 0 in units of the spacing, lie between points of which one is before 0."""
    first = position.floor()
    t = position - first
    before, behind, further = t + 1, t - 1, t - 2
    shares = torch.stack(
        [
            t * behind * further / -6,
            before * behind * further / 2,
            before * t * further / -2,
            before * t * behind / 6,
        ],
        dim=-1,
    )
    return Interpolation(first.long(), shares)


def pays(edges: EdgeList, distances: Tensor, points: int) -> bool:
    """Whether to use a grid: in training on many edges, in single precision, where nothing wants forces.

    Args:
        edges: E edges.
        distances: Theirs, [E].
        points: Of the grid.
    """
    return (
        torch.is_grad_enabled()
        and edges.symmetric
        and not distances.requires_grad
        and distances.dtype == torch.float32
        and not torch.is_autocast_enabled(distances.device.type)
        and usable(distances)
        and edges.num_edges > 2 * points
    )


def interpolate(table: Tensor, at: Interpolation) -> Tensor:
    """:meth:`Interpolation.values`, [G, F] to [E, F]; once differentiable."""
    return _interpolate(table, at) if usable(table, at.shares) else at.values(table)


def convolve_interpolated(edges: EdgeList, features: Tensor, table: Tensor, at: Interpolation) -> Tensor:
    """:func:`~molbench.kernels.convolution.convolve` with filters from a table; once differentiable.

    Args:
        edges: A symmetric list of E edges between N atoms.
        features: x, [N, F], or [N, K, F] for K components that share their filters.
        table: Filters at the points of the grid, [G, F].
        at: Where the edges lie on it.

    Returns:
        y, as ``features``.
    """
    if edges.symmetric and usable(features, table, at.shares):
        components = features if features.dim() == 3 else features.unsqueeze(1)
        return _convolve_interpolated(components, table, at, edges).view_as(features)
    return convolve(edges, features, at.values(table))


class _Interpolate(Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, at: Interpolation) -> Tensor:
        ctx.at, ctx.points = at, len(table)
        result = table.new_empty(len(at.first), table.shape[1])
        call("interpolate", table.dtype, result.numel(), *result.shape, at.first, at.shares, table, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        at, (edges, width) = ctx.at, gradient.shape
        result = gradient.new_empty(ctx.points, width)
        given = at.first, at.shares, gradient, result
        call("interpolate_backward", result.dtype, gradient.numel(), edges, *result.shape, *given)
        return result, None


class _ConvolveInterpolated(Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, table: Tensor, at: Interpolation, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(features, table)
        ctx.at, ctx.edges = at, edges
        return _sum(edges, features, table, at)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        features, table = ctx.saved_tensors
        edges, at = ctx.edges, ctx.at
        size, components, width = features.shape
        sizes = size, edges.num_edges, len(table), components, width
        results = gradient.new_empty(gradient.shape), table.new_empty(table.shape)
        ends = edges.source, edges.target
        given = *ends, at.first, at.shares, table, features, gradient, *results
        work = edges.num_edges * components * width
        call("interpolated_convolve_backward", table.dtype, work, *sizes, *given)
        return *results, None, None


def _sum(edges: EdgeList, features: Tensor, table: Tensor, at: Interpolation) -> Tensor:
    result = torch.empty_like(features, memory_format=torch.contiguous_format)
    size, components, width = features.shape
    # With columns for every thread a filter is read once for both directions, and nobody's neighbours are
    # listed; of several components all of an atom's would come and go with each edge.
    shared = components == 1 and torch.get_num_threads() * _FEWEST_COLUMNS <= width
    name = "interpolated_convolve_pairs" if shared else "interpolated_convolve"
    ends = (edges.source, edges.target) if shared else edges.incidence(size)
    given = *ends, at.first, at.shares, table, features, result
    sizes = size, edges.num_edges, components, width
    call(name, table.dtype, edges.num_edges * components * width, *sizes, *given)
    return result


_interpolate: Callable[[Tensor, Interpolation], Tensor] = _Interpolate.apply
_convolve_interpolated: Callable[[Tensor, Tensor, Interpolation, EdgeList], Tensor] = (
    _ConvolveInterpolated.apply
)
