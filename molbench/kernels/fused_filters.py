"""Sums over neighbours whose filters are the SiLU of a linear layer of the distance basis.

With ``f = silu(z)`` and ``z = basis Wᵀ + b`` these are the sums of the other files here with filters f. As
one function each, they take the derivative by z in one pass over the edges and never write that by f: moving
such arrays is what takes time on a CPU. Where second derivatives will be wanted (the basis needs a gradient,
as for forces), on an accelerator and in mixed precision they are what they say, layer and sum. So they are
where the layer is evaluated on a grid of distances, which leaves little of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable

from molbench.kernels.activations import silu
from molbench.kernels.convolution import compiled_pair_product, convolve
from molbench.kernels.edge_attention import Ends, attend_neighbors, compiled_filter_grad, scores
from molbench.kernels.edges import EdgeList
from molbench.kernels.interpolation import Interpolation, interpolate
from molbench.kernels.library import call, usable
from molbench.kernels.products import linear, product
from molbench.kernels.vector_messages import (
    compiled_vector_filter_grad,
    convolve_to_scalars,
    convolve_to_vectors,
)


@dataclass(frozen=True, eq=False)
class Filters:
    """Filters of E edges.

    Attributes:
        basis: Distance basis, [E, K], or of the G points of a grid, [G, K].
        weight: W, [F, K].
        bias: b, [F].
        between: Where the edges lie on the grid, if there is one.
    """

    basis: Tensor
    weight: Tensor
    bias: Tensor
    between: Interpolation | None = None

    def at(self, basis: Tensor) -> Tensor:
        """The filters at other distances, [..., K] to [..., F]."""
        return silu(linear(basis, self.weight, self.bias))

    def values(self) -> Tensor:
        """The filters of the edges, [E, F]."""
        values = self.at(self.basis)
        return values if self.between is None else interpolate(values, self.between)


def fused_scores(edges: EdgeList, receiver: Tensor, sender: Tensor, filters: Filters, heads: int) -> Tensor:
    """:func:`~molbench.kernels.edge_attention.scores`, [D, E, H]."""

    def value(f: Tensor, u: Tensor, v: Tensor) -> Tensor:
        return scores(edges, u, v, f, heads)

    def gradients(grad: Tensor, f: Tensor, z: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        grad_z = compiled_filter_grad(grad, u, v, Ends(edges), z)
        return grad_z, attend_neighbors(edges, grad, v, f), attend_neighbors(edges, grad.flip(0), u, f)

    return _fuse(edges, filters, value, gradients, receiver, sender)


def fused_attend(edges: EdgeList, weights: Tensor, sender: Tensor, filters: Filters) -> Tensor:
    """:func:`~molbench.kernels.edge_attention.attend_neighbors`, [N, F]."""

    def value(f: Tensor, a: Tensor, v: Tensor) -> Tensor:
        return attend_neighbors(edges, a, v, f)

    def gradients(grad: Tensor, f: Tensor, z: Tensor, a: Tensor, v: Tensor) -> tuple[Tensor, ...]:
        grad_z = compiled_filter_grad(a, grad, v, Ends(edges), z)
        return grad_z, scores(edges, grad, v, f, a.shape[-1]), attend_neighbors(edges, a.flip(0), grad, f)

    return _fuse(edges, filters, value, gradients, weights, sender)


def fused_convolve_to_vectors(
    edges: EdgeList, sender: Tensor, filters: Filters, directions: Tensor
) -> Tensor:
    """:func:`~molbench.kernels.vector_messages.convolve_to_vectors`, [N, 3, F]."""
    if directions.requires_grad:
        return convolve_to_vectors(edges, sender, filters.values(), directions)

    def value(f: Tensor, s: Tensor) -> Tensor:
        return convolve_to_vectors(edges, s, f, directions)

    def gradients(grad: Tensor, f: Tensor, z: Tensor, s: Tensor) -> tuple[Tensor, ...]:
        return compiled_vector_filter_grad(edges, grad, s, directions, z), convolve_to_scalars(
            edges, grad, f, directions
        )

    return _fuse(edges, filters, value, gradients, sender)


def fused_convolve(edges: EdgeList, features: Tensor, filters: Filters) -> Tensor:
    """:func:`~molbench.kernels.convolution.convolve`, [N, K, F]."""

    def value(f: Tensor, x: Tensor) -> Tensor:
        return convolve(edges, x, f)

    def gradients(grad: Tensor, f: Tensor, z: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        return compiled_pair_product(edges, x, grad, z), convolve(edges, grad, f)

    return _fuse(edges, filters, value, gradients, features)


def _fuse(
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
        or filters.between is not None
        or filters.basis.requires_grad
        or torch.is_autocast_enabled(filters.basis.device.type)
        or not usable(filters.basis, filters.weight, *arguments)
    ):
        return value(filters.values(), *arguments)
    return _fused(value, gradients, filters.basis, filters.weight, filters.bias, *arguments)


class _Fused(Function):
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
        z = product(basis, weight)
        f = torch.empty_like(z)
        call("silu_biased", z.dtype, z.numel(), *z.shape, bias, z, f)
        ctx.gradients = gradients
        ctx.save_for_backward(basis, f, z, *arguments)
        return value(f, *arguments)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        basis, *saved = ctx.saved_tensors
        grad_z, *others = ctx.gradients(gradient, *saved)
        return None, None, None, product(grad_z.T, basis.T), grad_z.sum(0), *others


_fused: Callable[..., Tensor] = _Fused.apply
