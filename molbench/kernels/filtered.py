"""Sums over neighbours whose filters are the SiLU of a linear layer of the distance basis.

With ``f = silu(z)`` and ``z = basis Wᵀ + b`` these are the sums of :mod:`molbench.graph` with filters f. As
one function each, they take the derivative by z in one pass over the edges and never write that by f: moving
such arrays is what takes time on a CPU. Where second derivatives will be wanted (the basis needs a gradient,
as for forces), on an accelerator and in mixed precision they are what they say, layer and sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn.functional import linear

from molbench.kernels.activations import silu
from molbench.kernels.attention import Ends, attend, edge_natively, scores
from molbench.kernels.convolution import convolve, product_natively
from molbench.kernels.directions import by_filters_natively, gather_along, send_along
from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable


@dataclass(frozen=True, eq=False)
class Filters:
    """Filters of E edges.

    Attributes:
        basis: Distance basis, [E, K].
        weight: W, [F, K].
        bias: b, [F].
    """

    basis: Tensor
    weight: Tensor
    bias: Tensor

    def at(self, basis: Tensor) -> Tensor:
        """The filters at other distances, [..., K] to [..., F]."""
        return silu(linear(basis, self.weight, self.bias))

    def values(self) -> Tensor:
        """The filters of the edges, [E, F]."""
        return self.at(self.basis)


def filtered_scores(
    edges: EdgeList, receiver: Tensor, sender: Tensor, filters: Filters, heads: int
) -> Tensor:
    """:func:`~molbench.kernels.attention.scores`, [D, E, H]."""

    def value(f: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return scores(edges, u, v, f, heads)

    def gradients(of: Tensor, f: Tensor, z: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        of_z = edge_natively(of, u, v, Ends(edges), z)
        return of_z, attend(edges, of, v, f), attend(edges, of.flip(0), u, f)

    return _apply(edges, filters, value, gradients, receiver, sender)


def filtered_attend(edges: EdgeList, weights: Tensor, sender: Tensor, filters: Filters) -> Tensor:
    """:func:`~molbench.kernels.attention.attend`, [N, F]."""

    def value(f: Tensor, a: Tensor, v: Tensor) -> Tensor:
        return attend(edges, a, v, f)

    def gradients(of: Tensor, f: Tensor, z: Tensor, a: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        of_z = edge_natively(a, of, v, Ends(edges), z)
        return of_z, scores(edges, of, v, f, a.shape[-1]), attend(edges, a.flip(0), of, f)

    return _apply(edges, filters, value, gradients, weights, sender)


def filtered_send_along(edges: EdgeList, sender: Tensor, filters: Filters, directions: Tensor) -> Tensor:
    """:func:`~molbench.kernels.directions.send_along`, [N, 3, F]."""
    if directions.requires_grad:
        return send_along(edges, sender, filters.values(), directions)

    def value(f: Tensor, s: Tensor) -> Tensor:
        return send_along(edges, s, f, directions)

    def gradients(of: Tensor, f: Tensor, z: Tensor, s: Tensor) -> tuple[Tensor, ...]:
        return by_filters_natively(edges, of, s, directions, z), gather_along(edges, of, f, directions)

    return _apply(edges, filters, value, gradients, sender)


def filtered_convolve(edges: EdgeList, features: Tensor, filters: Filters) -> Tensor:
    """:func:`~molbench.kernels.convolution.convolve`, [N, K, F]."""

    def value(f: Tensor, x: Tensor) -> Tensor:
        return convolve(edges, x, f)

    def gradients(of: Tensor, f: Tensor, z: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        return product_natively(edges, x, of, z), convolve(edges, of, f)

    return _apply(edges, filters, value, gradients, features)


def _apply(
    edges: EdgeList,
    filters: Filters,
    value: Callable[..., Tensor],
    gradients: Callable[..., tuple[Tensor, ...]],
    *arguments: Tensor,
) -> Tensor:
    """A sum.

    Args:
        edges: E edges.
        filters: Of the edges.
        value: The sum from f and the arguments.
        gradients: By z and the arguments, from the gradient by the sum, f, z and the arguments.
        arguments: What else the sum is made of.
    """
    if (
        not edges.symmetric
        or filters.basis.requires_grad
        or torch.is_autocast_enabled(filters.basis.device.type)
        or not usable(filters.basis, filters.weight, *arguments)
    ):
        return value(filters.values(), *arguments)
    return _filtered(value, gradients, filters.basis, filters.weight, filters.bias, *arguments)


class _Filtered(Function):
    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any,
        value: Callable[..., Tensor],
        gradients: Callable[..., tuple[Tensor, ...]],
        basis: Tensor,
        weight: Tensor,
        bias: Tensor,
        *arguments: Tensor,
    ) -> Tensor:
        z = basis @ weight.T
        f = torch.empty_like(z)
        call("silu_biased", z.dtype, z.numel(), *z.shape, bias, z, f)
        ctx.gradients = gradients
        ctx.save_for_backward(basis, f, z, *arguments)
        return value(f, *arguments)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        basis, *saved = ctx.saved_tensors
        of_z, *others = ctx.gradients(gradient, *saved)
        return None, None, None, of_z.T @ basis, of_z.sum(0), *others


_filtered: Callable[..., Tensor] = _Filtered.apply
