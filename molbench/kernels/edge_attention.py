"""Attention over edges, for encoders whose scores and values are scaled by features of the edge.

All of it is one form, linear in each of its arguments,

    T(a, u, v, f) = Σ_ij Σ_c a_ij,h(c) u_ic v_jc f_ijc

with atoms i and their neighbours j, channels c in heads h(c), weights a that differ between the directions of
an edge and features f that do not. Its derivative by a is :func:`scores`, that by u (or v) is
:func:`attend_neighbors`, that by f appears in their gradients; so the three are closed under differentiation
and, like :mod:`molbench.kernels.convolution`, keep no gathered copies and serve forces inside a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import Function

from molbench.kernels.convolution import summing_type
from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable

# Elements gathered at a time on a CPU, as for convolutions.
_BLOCK = 2**19


class Ends(NamedTuple):
    """Who receives and who sends.

    Attributes:
        edges: Messages from source to target, of a symmetric list then those from target to source.
        swapped: Whether receivers and senders are exchanged.
    """

    edges: EdgeList
    swapped: bool = False

    def swap(self) -> Ends:
        """The same edges, receivers sending."""
        return Ends(self.edges, not self.swapped)

    def directions(self) -> list[tuple[Tensor, Tensor]]:
        """Receivers and senders of each direction of the edges, [E] int64 each."""
        ends = self.edges.target, self.edges.source
        forth = ends[::-1] if self.swapped else ends
        return [forth, forth[::-1]] if self.edges.symmetric else [forth]


def scores(edges: EdgeList, receiver: Tensor, sender: Tensor, filters: Tensor, heads: int) -> Tensor:
    """Products of queries and keys, ``Σ_c∈h u_ic v_jc f_ijc``.

    Args:
        edges: E edges between N atoms.
        receiver: u, [N, F].
        sender: v, [N, F].
        filters: f, [E, F].
        heads: Number of heads H, each of F / H consecutive channels.

    Returns:
        One score for each direction, edge and head, [D, E, H]; D is 2 for a symmetric list, first messages
        from source to target. In single precision at least, as for all functions here.
    """
    dtype = summing_type(receiver, sender, filters)
    return _scores(receiver.to(dtype), sender.to(dtype), filters.to(dtype), Ends(edges), heads)


def scores_plainly(edges: EdgeList, receiver: Tensor, sender: Tensor, filters: Tensor, heads: int) -> Tensor:
    """:func:`scores` in so many words: the definition that tests compare with."""
    shape = edges.num_edges, heads, filters.shape[-1] // heads
    products = [
        (receiver.index_select(0, i) * sender.index_select(0, j) * filters).view(shape).sum(-1)
        for i, j in Ends(edges).directions()
    ]
    return torch.stack(products)


def attend_neighbors(edges: EdgeList, weights: Tensor, sender: Tensor, filters: Tensor) -> Tensor:
    """Weighted sum over neighbours, ``y_ic = Σ_j a_ij,h(c) v_jc f_ijc``, [N, F].

    Args:
        edges: E edges between N atoms.
        weights: a, [D, E, H], in the order of :func:`scores`.
        sender: v, [N, F].
        filters: f, [E, F].
    """
    dtype = summing_type(weights, sender, filters)
    return _attend(weights.to(dtype), sender.to(dtype), filters.to(dtype), Ends(edges))


def attend_neighbors_plainly(edges: EdgeList, weights: Tensor, sender: Tensor, filters: Tensor) -> Tensor:
    """:func:`attend_neighbors` in so many words: the definition that tests compare with."""
    heads = weights.shape[-1]
    result = torch.zeros_like(sender)
    for (i, j), weight in zip(Ends(edges).directions(), weights, strict=True):
        messages = (sender.index_select(0, j) * filters).view(-1, heads, filters.shape[-1] // heads)
        result = result.index_add(0, i, (messages * weight.unsqueeze(-1)).flatten(1))
    return result


class _Scores(Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, v: Tensor, f: Tensor, ends: Ends, heads: int) -> Tensor:  # noqa: PLR0917
        ctx.save_for_backward(u, v, f)
        ctx.ends = ends
        result = u.new_empty(1 + ends.edges.symmetric, len(f), heads)
        if ends.edges.symmetric and usable(u, v, f):
            call(
                "scores", u.dtype, f.numel(), *_sizes(ends, heads, f), *ends.directions()[0], u, v, f, result
            )
            return result
        for i, j, a, block in _blocks(ends, result, f):
            product = u.index_select(0, i).mul_(v.index_select(0, j)).mul_(block)
            torch.sum(product.view(*a.shape, -1), -1, out=a)
        return result

    @staticmethod
    def backward(ctx: Any, a: Tensor) -> tuple[Tensor | None, ...]:
        u, v, f = ctx.saved_tensors
        needed, ends = ctx.needs_input_grad, ctx.ends
        return (
            _attend(a, v, f, ends) if needed[0] else None,
            _attend(a, u, f, ends.swap()) if needed[1] else None,
            _filter_grad(a, u, v, ends) if needed[2] else None,
            None,
            None,
            None,
        )


class _EdgeAttention(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, v: Tensor, f: Tensor, ends: Ends) -> Tensor:
        ctx.save_for_backward(a, v, f)
        ctx.ends = ends
        if ends.edges.symmetric and usable(a, v, f):
            result = torch.empty_like(v, memory_format=torch.contiguous_format)
            sizes = len(v), *_sizes(ends, a.shape[-1], f), int(ends.swapped)
            call("attend", v.dtype, f.numel(), *sizes, *ends.edges.incidence(len(v)), a, v, f, result)
            return result
        result = torch.zeros_like(v, memory_format=torch.contiguous_format)
        for i, j, weights, block in _blocks(ends, a, f):
            messages = v.index_select(0, j).mul_(block)
            messages.view(*weights.shape, -1).mul_(weights.unsqueeze(-1))
            result.index_add_(0, i, messages)
        return result

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
        a, v, f = ctx.saved_tensors
        needed, ends = ctx.needs_input_grad, ctx.ends
        return (
            _scores(u, v, f, ends, a.shape[-1]) if needed[0] else None,
            _attend(a, u, f, ends.swap()) if needed[1] else None,
            _filter_grad(a, u, v, ends) if needed[2] else None,
            None,
            None,
        )


def compiled_filter_grad(
    a: Tensor, u: Tensor, v: Tensor, ends: Ends, pre_activation: Tensor | None = None
) -> Tensor:
    """The derivative of the form by f in one pass over the edges, [E, F], without a graph.

    Args:
        a: Weights, [2, E, H].
        u: Of the receivers, [N, F].
        v: Of the senders, [N, F].
        ends: A symmetric list.
        pre_activation: Where f is ``silu(z)``, z, [E, F]: the derivative is by z.
    """
    result = u.new_empty(a.shape[1], u.shape[-1])
    sizes = _sizes(ends, a.shape[-1], u)
    call(
        "attention_filter_grad",
        u.dtype,
        result.numel(),
        *sizes,
        *ends.directions()[0],
        a,
        u,
        v,
        pre_activation,
        result,
    )
    return result


class _FilterGrad(Function):
    """The derivative of the form by f, ``Σ a_ij,h(c) u_ic v_jc`` over the directions of an edge, [E, F]."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, u: Tensor, v: Tensor, ends: Ends) -> Tensor:
        ctx.save_for_backward(a, u, v)
        ctx.ends = ends
        if ends.edges.symmetric and usable(a, u, v):
            return compiled_filter_grad(a, u, v, ends)
        result = u.new_zeros(a.shape[1], u.shape[-1])
        for i, j, weights, block in _blocks(ends, a, result):
            product = u.index_select(0, i).mul_(v.index_select(0, j)).view(*weights.shape, -1)
            block.view_as(product).addcmul_(product, weights.unsqueeze(-1))
        return result

    @staticmethod
    def backward(ctx: Any, f: Tensor) -> tuple[Tensor | None, ...]:
        a, u, v = ctx.saved_tensors
        needed, ends = ctx.needs_input_grad, ctx.ends
        return (
            _scores(u, v, f, ends, a.shape[-1]) if needed[0] else None,
            _attend(a, v, f, ends) if needed[1] else None,
            _attend(a, u, f, ends.swap()) if needed[2] else None,
            None,
            None,
        )


def _sizes(ends: Ends, heads: int, features: Tensor) -> tuple[int, int, int]:
    return ends.edges.num_edges, heads, features.shape[-1]


def _blocks(ends: Ends, a: Tensor, f: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Receivers, senders, weights and features of a number of edges at a time, directions in turn."""
    size = max(len(f) if f.device.type != "cpu" else _BLOCK // f.shape[-1], 1)
    for start in range(0, len(f), size):
        part = slice(start, start + size)
        for (i, j), weights in zip(ends.directions(), a, strict=True):
            yield i[part], j[part], weights[part], f[part]


_scores: Callable[[Tensor, Tensor, Tensor, Ends, int], Tensor] = _Scores.apply
_attend: Callable[[Tensor, Tensor, Tensor, Ends], Tensor] = _EdgeAttention.apply
_filter_grad: Callable[[Tensor, Tensor, Tensor, Ends], Tensor] = _FilterGrad.apply
