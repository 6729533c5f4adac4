"""Messages along bonds: from scalars of neighbours to vectors of atoms, and back in the gradients.

All of it is one form, linear in each of its arguments,

    T(y, s, f, u) = Σ_ij Σ_c Σ_x y_ixc s_jc f_ijc u_ijx

with atoms i and their neighbours j, features f of an edge that are the same in both directions, and its
direction u, which changes sign. Every derivative of T, by one argument or by several in turn, is T without
them; so one function that leaves out one argument is closed under differentiation, and like
:mod:`molbench.kernels.convolution` it keeps no vector per edge and channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from molbench.kernels.convolution import summing_type
from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable

# Elements gathered at a time on a CPU, as for convolutions.
_BLOCK = 2**19
_Y, _S = range(2)


def convolve_to_vectors(edges: EdgeList, sender: Tensor, filters: Tensor, directions: Tensor) -> Tensor:
    """Sum over neighbours of filtered scalars along the bonds to them, ``y_ixc = Σ_j s_jc f_ijc u_ijx``.

    Args:
        edges: E edges between N atoms.
        sender: s, [N, F].
        filters: f, [E, F].
        directions: u, from the target of an edge to its source, [E, 3].

    Returns:
        y, [N, 3, F], in single precision at least.
    """
    dtype = summing_type(sender, filters, directions)
    return _derivative(_Y, edges, None, sender.to(dtype), filters.to(dtype), directions.to(dtype))


def convolve_to_scalars(edges: EdgeList, vectors: Tensor, filters: Tensor, directions: Tensor) -> Tensor:
    """The derivative of T by s, ``s_jc = Σ_i Σ_x y_ixc f_ijc u_ijx``, [N, F].

    Args:
        edges: E edges between N atoms.
        vectors: y, [N, 3, F].
        filters: f, [E, F].
        directions: u, [E, 3].
    """
    return _derivative(_S, edges, vectors, None, filters, directions)


def convolve_to_vectors_plainly(
    edges: EdgeList, sender: Tensor, filters: Tensor, directions: Tensor
) -> Tensor:
    """:func:`convolve_to_vectors` in so many words: the definition that tests compare with."""
    both = edges.directed()
    if edges.symmetric:
        filters, directions = torch.cat([filters, filters]), torch.cat([directions, -directions])
    messages = (sender.index_select(0, both.source) * filters).unsqueeze(1) * directions.unsqueeze(-1)
    return sender.new_zeros(len(sender), 3, sender.shape[-1]).index_add(0, both.target, messages)


class _Derivative(Function):
    """The derivative of T by one argument, which is not given; the others are."""

    @staticmethod
    def forward(ctx: Any, which: int, edges: EdgeList, *arguments: Tensor | None) -> Tensor:
        ctx.which, ctx.edges = which, edges
        ctx.save_for_backward(*arguments)
        return _DERIVATIVES[which](edges, *arguments)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        given = list(ctx.saved_tensors)
        given[ctx.which] = gradient
        needed = ctx.needs_input_grad[2:]
        return (
            None,
            None,
            *(
                _derivative(
                    position, ctx.edges, *(None if position == other else given[other] for other in range(4))
                )
                if needed[position]
                else None
                for position in range(4)
            ),
        )


def _grad_y(edges: EdgeList, _: None, s: Tensor, f: Tensor, u: Tensor) -> Tensor:
    if edges.symmetric and usable(s, f, u):
        return _per_atom("convolve_to_vectors", edges, s.new_empty(len(s), 3, s.shape[-1]), s, f, u)
    result = s.new_zeros(len(s), 3, s.shape[-1])
    for i, j, part, along in _blocks(edges, f, u):
        messages = s.index_select(0, j).mul_(f[part])
        result.index_add_(0, i, messages.unsqueeze(1) * along.unsqueeze(-1))
    return result


def _grad_s(edges: EdgeList, y: Tensor, _: None, f: Tensor, u: Tensor) -> Tensor:
    if edges.symmetric and usable(y, f, u):
        return _per_atom("convolve_to_scalars", edges, y.new_empty(len(y), y.shape[-1]), y, f, u)
    result = y.new_zeros(len(y), y.shape[-1])
    for i, j, part, along in _blocks(edges, f, u):
        result.index_add_(0, j, _project(y, i, along).mul_(f[part]))
    return result


def _grad_f(edges: EdgeList, y: Tensor, s: Tensor, _: None, u: Tensor) -> Tensor:
    if edges.symmetric and usable(y, s, u):
        return compiled_vector_filter_grad(edges, y, s, u)
    result = s.new_zeros(len(u), s.shape[-1])
    for i, j, part, along in _blocks(edges, result, u):
        result[part].addcmul_(_project(y, i, along), s.index_select(0, j))
    return result


def _grad_u(edges: EdgeList, y: Tensor, s: Tensor, f: Tensor, _: None) -> Tensor:
    if edges.symmetric and usable(y, s, f):
        return _per_edge("vector_direction_grad", edges, f.new_empty(len(f), 3), y, s, f)
    result = f.new_zeros(len(f), 3)
    signs = f.new_ones(len(f), 1)
    for i, j, part, sign in _blocks(edges, f, signs):
        messages = s.index_select(0, j).mul_(f[part]).unsqueeze(-1)
        result[part] += sign * torch.bmm(y.index_select(0, i), messages).squeeze(-1)
    return result


def _per_atom(kernel: str, edges: EdgeList, result: Tensor, *arguments: Tensor) -> Tensor:
    sizes = len(result), edges.num_edges, result.shape[-1]
    work = edges.num_edges * result.shape[-1]
    call(kernel, result.dtype, work, *sizes, *edges.incidence(len(result)), *arguments, result)
    return result


def compiled_vector_filter_grad(
    edges: EdgeList, y: Tensor, s: Tensor, u: Tensor, pre_activation: Tensor | None = None
) -> Tensor:
    """The derivative of T by f in one pass over the edges, [E, F], without a graph.

    Args:
        edges: A symmetric list.
        y: [N, 3, F].
        s: [N, F].
        u: [E, 3].
        pre_activation: Where f is ``silu(z)``, z, [E, F]: the derivative is by z.
    """
    return _per_edge("vector_filter_grad", edges, s.new_empty(len(u), s.shape[-1]), y, s, u, pre_activation)


def _per_edge(kernel: str, edges: EdgeList, result: Tensor, *arguments: Tensor | None) -> Tensor:
    """A kernel whose second array is s."""
    sizes = edges.num_edges, arguments[1].shape[-1]  # type: ignore[union-attr]
    work = sizes[0] * sizes[1]
    call(kernel, result.dtype, work, *sizes, edges.source, edges.target, *arguments, result)
    return result


def _project(y: Tensor, atoms: Tensor, along: Tensor) -> Tensor:
    """Vectors of atoms along a direction, [N, 3, F] to [E, F]."""
    gathered = y.index_select(0, atoms)
    x, y_, z = along.unsqueeze(-1).unbind(1)
    return (gathered[:, 0] * x).addcmul_(gathered[:, 1], y_).addcmul_(gathered[:, 2], z)


def _blocks(edges: EdgeList, f: Tensor, u: Tensor) -> Iterator[tuple[Tensor, Tensor, slice, Tensor]]:
    """Receivers, senders, slice and direction of a number of edges at a time, directions in turn."""
    size = max(len(f) if f.device.type != "cpu" else _BLOCK // (3 * f.shape[-1]), 1)
    for start in range(0, len(f), size):
        part = slice(start, start + size)
        yield edges.target[part], edges.source[part], part, u[part]
        if edges.symmetric:
            yield edges.source[part], edges.target[part], part, -u[part]


_DERIVATIVES: tuple[Callable[..., Tensor], ...] = (_grad_y, _grad_s, _grad_f, _grad_u)
_derivative: Callable[..., Tensor] = _Derivative.apply
