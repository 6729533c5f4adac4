"""Sums with filters made on the way equal filters and sums, derivatives too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.graph.neighbors import radius_edges
from molbench.kernels.convolution import convolve
from molbench.kernels.edge_attention import attend_neighbors, scores
from molbench.kernels.edges import EdgeList
from molbench.kernels.fused_filters import (
    Filters,
    fused_attend,
    fused_convolve,
    fused_convolve_to_vectors,
    fused_scores,
)
from molbench.kernels.vector_messages import convolve_to_vectors
from molbench.testing import example_batch
from tests.eager import needs_kernels

WIDTH, HEADS, RADIAL = 8, 2, 5
Draw = Callable[..., Tensor]
Form = Callable[[EdgeList, Filters | Tensor, Draw], Tensor]


def by_scores(edges: EdgeList, filters: Filters | Tensor, draw: Draw) -> Tensor:
    u, v = draw("u", 13, WIDTH), draw("v", 13, WIDTH)
    form = fused_scores if isinstance(filters, Filters) else scores
    return form(edges, u, v, filters, HEADS)  # type: ignore[arg-type, operator]


def by_attend(edges: EdgeList, filters: Filters | Tensor, draw: Draw) -> Tensor:
    form = fused_attend if isinstance(filters, Filters) else attend_neighbors
    directions = 1 + edges.symmetric
    return form(edges, draw("a", directions, edges.num_edges, HEADS), draw("v", 13, WIDTH), filters)  # type: ignore[arg-type, operator]


def by_vectors(edges: EdgeList, filters: Filters | Tensor, draw: Draw) -> Tensor:
    form = fused_convolve_to_vectors if isinstance(filters, Filters) else convolve_to_vectors
    directions = torch.randn(
        edges.num_edges, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    return form(edges, draw("v", 13, WIDTH), filters, directions)  # type: ignore[arg-type, operator]


def by_convolve(edges: EdgeList, filters: Filters | Tensor, draw: Draw) -> Tensor:
    form = fused_convolve if isinstance(filters, Filters) else convolve
    return form(edges, draw("x", 13, 3, WIDTH), filters)  # type: ignore[arg-type, operator]


def results(form: Form, edges: EdgeList, fused: bool, moving: bool = False) -> list[Tensor]:
    """The sum and its gradients by everything but the edges; with ``moving`` second ones, too."""
    generator = torch.Generator().manual_seed(0)
    leaves: dict[str, Tensor] = {}

    def draw(name: str, *shape: int) -> Tensor:
        leaves[name] = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        return leaves[name]

    weight, bias = draw("weight", WIDTH, RADIAL), draw("bias", WIDTH)
    basis = torch.rand(
        edges.num_edges, RADIAL, generator=generator, dtype=torch.float64, requires_grad=moving
    )
    filters = Filters(basis, weight, bias)
    y = form(edges, filters if fused else filters.values(), draw)
    inputs = [*leaves.values(), basis] if moving else list(leaves.values())
    first = torch.autograd.grad(y.tanh().sum(), inputs, create_graph=moving)
    if not moving:
        return [y, *first]
    return [y, *first, *torch.autograd.grad(sum(g.sin().sum() for g in first), inputs)]


FORMS = [by_scores, by_attend, by_vectors, by_convolve]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("symmetric", [True, False])
def test_equal_filters_and_sums(form: Form, moving: bool, symmetric: bool) -> None:
    edges = radius_edges(example_batch((5, 1, 0, 7)), 2.5)
    edges = edges if symmetric else edges.directed()
    ours, theirs = (results(form, edges, fused, moving) for fused in (True, False))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


@needs_kernels
def test_a_second_derivative_that_was_not_announced_is_refused() -> None:
    edges = radius_edges(example_batch((5, 1, 0, 7)), 2.5)
    basis = torch.rand(edges.num_edges, RADIAL)
    weight, bias = torch.randn(WIDTH, RADIAL, requires_grad=True), torch.zeros(WIDTH)
    y = fused_convolve(edges, torch.randn(13, 3, WIDTH), Filters(basis, weight, bias))
    (gradient,) = torch.autograd.grad(y.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_moving_directions_have_a_gradient_even_at_fixed_distances() -> None:
    edges = radius_edges(example_batch((5,)), 2.5)
    filters = Filters(torch.rand(edges.num_edges, RADIAL), torch.randn(WIDTH, RADIAL), torch.zeros(WIDTH))
    directions = torch.randn(edges.num_edges, 3, requires_grad=True)
    fused_convolve_to_vectors(edges, torch.randn(5, WIDTH), filters, directions).square().sum().backward()
    assert directions.grad is not None
    assert directions.grad.abs().sum() > 0
