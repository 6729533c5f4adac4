"""The compiled kernels are optional, and independent of the number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from molbench.graph.neighbors import all_pairs
from molbench.kernels import library
from molbench.kernels.activations import shifted_softplus, silu
from molbench.kernels.convolution import convolve
from molbench.kernels.edge_attention import attend_neighbors, scores
from molbench.kernels.edge_messages import aggregate, edge_messages
from molbench.kernels.edges import EdgeList, incidence
from molbench.kernels.library import call, usable
from molbench.kernels.vector_messages import convolve_to_vectors
from tests.eager import needs_kernels, with_threads


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forgets the library that this process has loaded, before and after."""
    library.load.cache_clear()
    yield
    library.load.cache_clear()


def test_they_can_be_switched_off(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLBENCH_KERNELS", "0")
    assert library.library() is None
    assert library.reason() == "MOLBENCH_KERNELS=0 switches them off"
    assert not usable(torch.ones(1))


def test_only_single_and_double_precision_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    single, double = torch.ones(1), torch.ones(1, dtype=torch.float64)
    assert not usable(single.half())
    assert not usable(single, double)
    assert not usable(single.to("meta"))
    if library.library() is not None:
        assert usable(single, single)
        assert usable(double)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not usable(single)


@needs_kernels
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_incidence_lists_every_direction_at_its_target(pairs: list[tuple[int, int]]) -> None:
    ends = torch.tensor([pair for pair in pairs if pair[0] != pair[1]], dtype=torch.int64).view(-1, 2)
    source, target = ends.unbind(1)
    ptr, other, entry = incidence(source, target, 6)
    assert ptr[0] == 0
    assert ptr[-1] == 2 * len(ends)
    sources, targets = torch.cat([source, target]), torch.cat([target, source])
    for atom in range(6):
        actual = entry[ptr[atom] : ptr[atom + 1]]
        assert sorted(actual.tolist()) == (targets == atom).nonzero().squeeze(-1).tolist()
        assert torch.equal(other[ptr[atom] : ptr[atom + 1]], sources[actual])


def by_all_kernels(edges: EdgeList, dtype: torch.dtype) -> list[Tensor]:
    """Results and gradients that go through every function of the library."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(dtype).requires_grad_()

    atoms, filters, directions = (
        draw(int(edges.target.max()) + 1, 64),
        draw(edges.num_edges, 64),
        draw(edges.num_edges, 3),
    )
    forms: list[Callable[[], Tensor]] = [
        lambda: convolve(edges, atoms, filters),
        lambda: attend_neighbors(edges, scores(edges, atoms, atoms, filters, 4), atoms, filters),
        lambda: convolve_to_vectors(edges, atoms, filters, directions),
        lambda: aggregate(
            edges,
            filters.new_ones(2, edges.num_edges),
            edge_messages(edges, atoms, atoms, filters),
            len(atoms),
        ),
        lambda: silu(filters),
        lambda: shifted_softplus(filters),
    ]
    actual = []
    for form in forms:
        y = form()
        first = torch.autograd.grad(y.sin().sum(), (atoms, filters), create_graph=True, allow_unused=True)
        size = sum(one.square().sum() for one in first if one is not None)
        second = torch.autograd.grad(size, (atoms, filters), allow_unused=True)
        actual += [one for one in (y, *first, *second) if one is not None]
    return actual


@needs_kernels
def test_any_number_of_threads_gives_the_same_bits() -> None:
    edges = all_pairs(torch.arange(0, 130, 13))
    one, three = with_threads(1, 3, run=lambda: by_all_kernels(edges, torch.float32))
    assert all(torch.equal(*both) for both in zip(one, three, strict=True))


@needs_kernels
def test_single_precision_is_close_to_double() -> None:
    edges = all_pairs(torch.arange(0, 60, 6))
    for single, double in zip(
        by_all_kernels(edges, torch.float32), by_all_kernels(edges, torch.float64), strict=True
    ):
        scale = double.abs().max()
        assert (single - double).abs().max() < 1e-4 * scale


@needs_kernels
@pytest.mark.parametrize("name", ["silu", "softplus"])
def test_activations_are_exact_to_rounding_everywhere(name: str) -> None:
    x = torch.cat([torch.linspace(-100, 100, 20001), torch.tensor([0.0, -1e30, 1e30, 1e-30, -1e-30])])
    y = torch.empty_like(x)
    call(name, x.dtype, x.numel(), x.numel(), x, y)
    wide = x.double()
    exact = (
        wide * torch.sigmoid(wide)
        if name == "silu"
        else torch.logaddexp(wide, 0 * wide) - torch.log(wide.new_tensor(2))
    )
    assert ((y - exact).abs() <= 1e-6 * exact.abs() + 1e-7).all()
