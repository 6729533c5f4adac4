"""Messages that differ between the directions of an edge: made from both ends, summed where they arrive.

``join`` adds what both atoms and the edge contribute; its transpose sums over edges. ``receive`` is one form,
linear in each of its arguments,

    T(a, m, g) = Σ_ij Σ_c a_ij m_ijc g_ic

without g; ``_spread`` leaves out m and ``_dots`` a. So both are closed under differentiation and serve forces
inside a loss, and on a CPU each is one pass over the messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd.function import Function

from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable


def join(edges: EdgeList, of_target: Tensor, of_source: Tensor, of_edge: Tensor) -> Tensor:
    """What both ends and the edge contribute to each message, ``a_i + b_j + c_ij``.

    Args:
        edges: E edges between N atoms.
        of_target: a, of the atom that receives, [N, F].
        of_source: b, of the atom that sends, [N, F].
        of_edge: c, the same in both directions, [E, F].

    Returns:
        One vector for each direction and edge, [D, E, F]; D is 2 for a symmetric list, first messages from
        source to target.
    """
    if edges.symmetric and usable(of_target, of_source, of_edge):
        return _join(of_target, of_source, of_edge, edges)
    return join_plainly(edges, of_target, of_source, of_edge)


def join_plainly(edges: EdgeList, of_target: Tensor, of_source: Tensor, of_edge: Tensor) -> Tensor:
    """:func:`join` in so many words: the definition that tests compare with."""
    both = edges.directed()
    ends = of_target.index_select(0, both.target) + of_source.index_select(0, both.source)
    return ends.view(1 + edges.symmetric, *of_edge.shape) + of_edge


def receive(edges: EdgeList, weights: Tensor, messages: Tensor, num_atoms: int) -> Tensor:
    """Weighted sum of the messages that arrive at each atom, ``y_i = Σ_j a_ij m_ij``, [N, F].

    Args:
        edges: E edges between N atoms.
        weights: a, [D, E], in the order of :func:`join`.
        messages: m, [D, E, F].
        num_atoms: N.
    """
    if edges.symmetric and usable(weights, messages):
        return _receive(weights, messages, edges, num_atoms)
    return receive_plainly(edges, weights, messages, num_atoms)


def receive_plainly(edges: EdgeList, weights: Tensor, messages: Tensor, num_atoms: int) -> Tensor:
    """:func:`receive` in so many words: the definition that tests compare with."""
    weighted = (weights.unsqueeze(-1) * messages).flatten(0, 1)
    result = messages.new_zeros(num_atoms, messages.shape[-1])
    return result.index_add(0, edges.directed().target, weighted)


class _Join(Function):
    @staticmethod
    def forward(ctx: Any, of_target: Tensor, of_source: Tensor, of_edge: Tensor, edges: EdgeList) -> Tensor:
        ctx.edges, ctx.atoms = edges, len(of_target)
        sizes = of_edge.shape
        result = of_edge.new_empty(2, *sizes)
        ends = edges.source, edges.target
        call("join", result.dtype, result.numel(), *sizes, *ends, of_target, of_source, of_edge, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_edge = gradient[0] + gradient[1] if ctx.needs_input_grad[2] else None
        return *_disjoin(gradient, ctx.edges, ctx.atoms), of_edge, None


class _Disjoin(Function):
    """Sums over the messages that arrive at each atom, and over those that it sends, two of [N, F]."""

    @staticmethod
    def forward(ctx: Any, messages: Tensor, edges: EdgeList, num_atoms: int) -> tuple[Tensor, Tensor]:
        ctx.edges = edges
        sizes = messages.shape[1:]
        arrived, sent = (messages.new_empty(num_atoms, sizes[-1]) for _ in range(2))
        ptr, _, entry = edges.incidence(num_atoms)
        call(
            "disjoin",
            messages.dtype,
            messages.numel(),
            num_atoms,
            *sizes,
            ptr,
            entry,
            messages,
            arrived,
            sent,
        )
        return arrived, sent

    @staticmethod
    def backward(ctx: Any, arrived: Tensor, sent: Tensor) -> tuple[Tensor, None, None]:
        nothing = arrived.new_zeros(ctx.edges.num_edges, arrived.shape[-1])
        return _join(arrived, sent, nothing, ctx.edges), None, None


class _Receive(Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, messages: Tensor, edges: EdgeList, num_atoms: int) -> Tensor:
        ctx.save_for_backward(weights, messages)
        ctx.edges = edges
        sizes = messages.shape[1:]
        result = messages.new_empty(num_atoms, sizes[-1])
        ptr, _, entry = edges.incidence(num_atoms)
        call(
            "receive",
            result.dtype,
            messages.numel(),
            num_atoms,
            *sizes,
            ptr,
            entry,
            weights,
            messages,
            result,
        )
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, messages = ctx.saved_tensors
        wanted, edges = ctx.needs_input_grad, ctx.edges
        return (
            _dots(messages, gradient, edges) if wanted[0] else None,
            _spread(weights, gradient, edges) if wanted[1] else None,
            None,
            None,
        )


class _Spread(Function):
    """``a_ij g_i`` on every directed edge, [D, E, F]."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, atoms: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(weights, atoms)
        ctx.edges = edges
        sizes = edges.num_edges, atoms.shape[-1]
        result = atoms.new_empty(2, *sizes)
        ends = edges.source, edges.target
        call("spread", result.dtype, result.numel(), *sizes, *ends, weights, atoms, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, atoms = ctx.saved_tensors
        wanted, edges = ctx.needs_input_grad, ctx.edges
        return (
            _dots(gradient, atoms, edges) if wanted[0] else None,
            _receive(weights, gradient, edges, len(atoms)) if wanted[1] else None,
            None,
        )


class _Dots(Function):
    """``m_ij · g_i`` on every directed edge, [D, E]."""

    @staticmethod
    def forward(ctx: Any, messages: Tensor, atoms: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(messages, atoms)
        ctx.edges = edges
        result = messages.new_empty(messages.shape[:2])
        ends = edges.source, edges.target
        sizes = messages.shape[1:]
        call("dots", result.dtype, messages.numel(), *sizes, *ends, messages, atoms, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        messages, atoms = ctx.saved_tensors
        wanted, edges = ctx.needs_input_grad, ctx.edges
        return (
            _spread(gradient, atoms, edges) if wanted[0] else None,
            _receive(gradient, messages, edges, len(atoms)) if wanted[1] else None,
            None,
        )


_join: Callable[[Tensor, Tensor, Tensor, EdgeList], Tensor] = _Join.apply
_disjoin: Callable[[Tensor, EdgeList, int], tuple[Tensor, Tensor]] = _Disjoin.apply
_receive: Callable[[Tensor, Tensor, EdgeList, int], Tensor] = _Receive.apply
_spread: Callable[[Tensor, Tensor, EdgeList], Tensor] = _Spread.apply
_dots: Callable[[Tensor, Tensor, EdgeList], Tensor] = _Dots.apply
