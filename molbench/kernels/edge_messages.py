"""Messages that differ between the directions of an edge: made from both ends, summed where they arrive.

``edge_messages`` adds what both atoms and the edge contribute; ``_end_sums`` is its transpose, and each is
the gradient of the other. ``aggregate`` is one form, linear in each of its arguments,

    T(a, m, g) = Σ_ij Σ_c a_ij m_ijc g_ic

without g; ``_broadcast`` leaves out m and ``_edge_dots`` a. So both are closed under differentiation and
serve forces inside a loss, and on a CPU each is one pass over the messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd.function import Function

from molbench.kernels.edges import EdgeList
from molbench.kernels.library import call, usable


def edge_messages(edges: EdgeList, target_terms: Tensor, source_terms: Tensor, edge_terms: Tensor) -> Tensor:
    """What both ends and the edge contribute to each message, ``a_i + b_j + c_ij``.

    Args:
        edges: E edges between N atoms.
        target_terms: a, of the atom that receives, [N, F].
        source_terms: b, of the atom that sends, [N, F].
        edge_terms: c, the same in both directions, [E, F].

    Returns:
        One vector for each direction and edge, [D, E, F]; D is 2 for a symmetric list, first messages from
        source to target.
    """
    if edges.symmetric and usable(target_terms, source_terms, edge_terms):
        return _edge_messages(target_terms, source_terms, edge_terms, edges)
    return edge_messages_plainly(edges, target_terms, source_terms, edge_terms)


def edge_messages_plainly(
    edges: EdgeList, target_terms: Tensor, source_terms: Tensor, edge_terms: Tensor
) -> Tensor:
    """:func:`edge_messages` in so many words: the definition that tests compare with."""
    both = edges.directed()
    ends = target_terms.index_select(0, both.target) + source_terms.index_select(0, both.source)
    return ends.view(1 + edges.symmetric, *edge_terms.shape) + edge_terms


def aggregate(edges: EdgeList, weights: Tensor, messages: Tensor, num_atoms: int) -> Tensor:
    """Weighted sum of the messages that arrive at each atom, ``y_i = Σ_j a_ij m_ij``, [N, F].

    Args:
        edges: E edges between N atoms.
        weights: a, [D, E], in the order of :func:`edge_messages`.
        messages: m, [D, E, F].
        num_atoms: N.
    """
    if edges.symmetric and usable(weights, messages):
        return _aggregate(weights, messages, edges, num_atoms)
    return aggregate_plainly(edges, weights, messages, num_atoms)


def aggregate_plainly(edges: EdgeList, weights: Tensor, messages: Tensor, num_atoms: int) -> Tensor:
    """:func:`aggregate` in so many words: the definition that tests compare with."""
    weighted = (weights.unsqueeze(-1) * messages).flatten(0, 1)
    result = messages.new_zeros(num_atoms, messages.shape[-1])
    return result.index_add(0, edges.directed().target, weighted)


class _EdgeMessages(Function):
    @staticmethod
    def forward(
        ctx: Any, target_terms: Tensor, source_terms: Tensor, edge_terms: Tensor | None, edges: EdgeList
    ) -> Tensor:
        ctx.edges, ctx.atoms = edges, len(target_terms)
        sizes = edges.num_edges, target_terms.shape[-1]
        result = target_terms.new_empty(2, *sizes)
        given = edges.source, edges.target, target_terms, source_terms, edge_terms, result
        call("edge_messages", result.dtype, result.numel(), *sizes, *given)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *_end_sums(gradient, ctx.edges, ctx.atoms, ctx.needs_input_grad[2]), None


class _EndSums(Function):
    """Sums over the messages that arrive at each atom, over those that it sends, and over the two of an edge.

    Two of [N, F] and one of [E, F], which is None unless it is wanted.
    """

    @staticmethod
    def forward(
        ctx: Any, messages: Tensor, edges: EdgeList, num_atoms: int, of_edges: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        ctx.edges = edges
        arrived, sent = (messages.new_empty(num_atoms, messages.shape[-1]) for _ in range(2))
        both = messages.new_empty(messages.shape[1:]) if of_edges else None
        ptr, _, entry = edges.incidence(num_atoms)
        sizes = num_atoms, *messages.shape[1:]
        call("end_sums", messages.dtype, messages.numel(), *sizes, ptr, entry, messages, arrived, sent, both)
        return arrived, sent, both

    @staticmethod
    def backward(ctx: Any, arrived: Tensor, sent: Tensor, both: Tensor | None) -> tuple[Tensor | None, ...]:
        return _edge_messages(arrived, sent, both, ctx.edges), None, None, None


class _Aggregate(Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, messages: Tensor, edges: EdgeList, num_atoms: int) -> Tensor:
        ctx.save_for_backward(weights, messages)
        ctx.edges = edges
        result = messages.new_empty(num_atoms, messages.shape[-1])
        ptr, _, entry = edges.incidence(num_atoms)
        sizes = num_atoms, *messages.shape[1:]
        call("aggregate", result.dtype, messages.numel(), *sizes, ptr, entry, weights, messages, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, messages = ctx.saved_tensors
        needed, edges = ctx.needs_input_grad, ctx.edges
        return (
            _edge_dots(messages, gradient, edges) if needed[0] else None,
            _broadcast(weights, gradient, edges) if needed[1] else None,
            None,
            None,
        )


class _Broadcast(Function):
    """``a_ij g_i`` on every directed edge, [D, E, F]."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, atoms: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(weights, atoms)
        ctx.edges = edges
        sizes = edges.num_edges, atoms.shape[-1]
        result = atoms.new_empty(2, *sizes)
        ends = edges.source, edges.target
        call("broadcast", result.dtype, result.numel(), *sizes, *ends, weights, atoms, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, atoms = ctx.saved_tensors
        needed, edges = ctx.needs_input_grad, ctx.edges
        return (
            _edge_dots(gradient, atoms, edges) if needed[0] else None,
            _aggregate(weights, gradient, edges, len(atoms)) if needed[1] else None,
            None,
        )


class _EdgeDots(Function):
    """``m_ij · g_i`` on every directed edge, [D, E]."""

    @staticmethod
    def forward(ctx: Any, messages: Tensor, atoms: Tensor, edges: EdgeList) -> Tensor:
        ctx.save_for_backward(messages, atoms)
        ctx.edges = edges
        result = messages.new_empty(messages.shape[:2])
        ends = edges.source, edges.target
        sizes = messages.shape[1:]
        call("edge_dots", result.dtype, messages.numel(), *sizes, *ends, messages, atoms, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        messages, atoms = ctx.saved_tensors
        needed, edges = ctx.needs_input_grad, ctx.edges
        return (
            _broadcast(gradient, atoms, edges) if needed[0] else None,
            _aggregate(gradient, messages, edges, len(atoms)) if needed[1] else None,
            None,
        )


_edge_messages: Callable[[Tensor, Tensor, Tensor | None, EdgeList], Tensor] = _EdgeMessages.apply
_end_sums: Callable[[Tensor, EdgeList, int, bool], tuple[Tensor, Tensor, Tensor | None]] = _EndSums.apply
_aggregate: Callable[[Tensor, Tensor, EdgeList, int], Tensor] = _Aggregate.apply
_broadcast: Callable[[Tensor, Tensor, EdgeList], Tensor] = _Broadcast.apply
_edge_dots: Callable[[Tensor, Tensor, EdgeList], Tensor] = _EdgeDots.apply
