"""The one sum over neighbours that the backbones are made of, fast to any order of derivative.

For node features x, edge filters w and a symmetric edge list, the continuous-filter convolution is
``y_i = Σ_j w_ij x_j``. With the pair product ``p_ij = Σ_k (x_ik y_jk + y_ik x_jk)`` it is closed under
differentiation: the gradient of each is made of the two of them. Written as a pair of autograd functions they
keep no gathered copy of the features, and forces (a derivative inside the loss) need nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable

# Elements gathered at a time on a CPU; in blocks that fit its caches long lists are three times as fast.
_BLOCK = 2**19


def convolve(edges: EdgeList, features: Tensor, filters: Tensor) -> Tensor:
    """Sum over neighbours of filtered features, ``y_i = Σ_j w_ij x_j`` (SchNet's cfconv).

    Args:
        edges: E edges between N atoms.
        features: x, [N, F], or [N, K, F] for K components that share their filters.
        filters: w, [E, F].

    Returns:
        y, as ``features``, in single precision at least: half would be too coarse for the sum.
    """
    dtype = summing_type(features, filters)
    features, filters = features.to(dtype), filters.to(dtype)
    if not edges.symmetric:
        return convolve_plainly(edges, features, filters)
    components = features if features.dim() == 3 else features.unsqueeze(1)
    return _convolve(components, filters, edges).view_as(features)


def convolve_plainly(edges: EdgeList, features: Tensor, filters: Tensor) -> Tensor:
    """:func:`convolve` in so many words: the definition that tests compare with, and directed edges."""
    if features.dim() == 3:
        filters = filters.unsqueeze(1)
    both = edges.directed()
    filters = torch.cat([filters, filters]) if edges.symmetric else filters
    messages = features.index_select(0, both.source) * filters
    return torch.zeros_like(features).index_add(0, both.target, messages)


def sum_ends(edges: EdgeList, features: Tensor) -> Tensor:
    """Sum of the features at both ends of each edge, ``x_i + x_j``, [N, F] to [E, F].

    In single precision at least, as :func:`convolve`, which is its gradient.
    """
    features = features.to(summing_type(features))
    if not edges.symmetric:
        return features.index_select(0, edges.source) + features.index_select(0, edges.target)
    return _pair_product(features.unsqueeze(1), torch.ones_like(features).unsqueeze(1), edges)


def summing_type(*tensors: Tensor) -> torch.dtype:
    """Type in which sums over neighbours are taken: single precision at least."""
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


class _Convolve(Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, filters: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(features, filters)
        ctx.edges = edges
        if usable(features, filters):
            return _compiled_convolve(edges, features, filters)
        result = torch.zeros_like(features, memory_format=torch.contiguous_format)
        for source, target, w in _blocks(edges, features, filters.unsqueeze(1)):
            result.index_add_(0, source, features.index_select(0, target).mul_(w))
            result.index_add_(0, target, features.index_select(0, source).mul_(w))
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        features, filters = ctx.saved_tensors
        needed, edges = ctx.needs_input_grad, ctx.edges
        return (
            _convolve(gradient, filters, edges) if needed[0] else None,
            _pair_product(features, gradient, edges) if needed[1] else None,
            None,
        )


def _compiled_convolve(edges: EdgeList, features: Tensor, filters: Tensor) -> Tensor:
    result = torch.empty_like(features, memory_format=torch.contiguous_format)
    sizes = len(features), edges.num_edges, *features.shape[1:]
    neighbors = edges.incidence(len(features))
    work = filters.numel() * features.shape[1]
    call("convolve", features.dtype, work, *sizes, *neighbors, features, filters, result)
    return result


def compiled_pair_product(
    edges: EdgeList, left: Tensor, right: Tensor, pre_activation: Tensor | None = None
) -> Tensor:
    """The pair product of x and y, [N, K, F] each, in one pass over the edges, without a graph.

    Args:
        edges: A symmetric list of E edges.
        left: x.
        right: y.
        pre_activation: Where filters are ``silu(z)``, z, [E, F]: the product is multiplied by ``silu'(z)``.
    """
    result = left.new_empty(edges.num_edges, left.shape[-1])
    sizes = edges.num_edges, *left.shape[1:]
    ends = edges.source, edges.target
    call("pair_product", left.dtype, math.prod(sizes), *sizes, *ends, left, right, pre_activation, result)
    return result


class _PairProduct(Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(left, right)
        ctx.edges = edges
        if usable(left, right):
            return compiled_pair_product(edges, left, right)
        result = left.new_empty(edges.num_edges, left.shape[-1])
        for i, j, p in _blocks(edges, left, result):
            block = left.index_select(0, i).mul_(right.index_select(0, j))
            block.addcmul_(left.index_select(0, j), right.index_select(0, i))
            torch.sum(block, 1, out=p)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        left, right = ctx.saved_tensors
        needed, edges = ctx.needs_input_grad, ctx.edges
        return (
            _convolve(right, gradient, edges) if needed[0] else None,
            _convolve(left, gradient, edges) if needed[1] else None,
            None,
        )


def _blocks(edges: EdgeList, features: Tensor, values: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Sources, targets and values of a number of edges at a time."""
    size = edges.num_edges
    if features.device.type == "cpu":
        size = _BLOCK // features.shape[1:].numel()
    parts = [torch.split(tensor, max(size, 1)) for tensor in (edges.source, edges.target, values)]
    return zip(*parts, strict=True)


_convolve: Callable[[Tensor, Tensor, EdgeList], Tensor] = _Convolve.apply
_pair_product: Callable[[Tensor, Tensor, EdgeList], Tensor] = _PairProduct.apply
