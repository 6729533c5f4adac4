import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.kernels import convolution
from molbench.kernels.convolution import convolve, convolve_plainly, sum_ends
from molbench.kernels.edges import EdgeList
from molbench.testing import example_batch
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")

COMPONENTS = [None, 1, 3]


def case(edges: EdgeList, atoms: int, components: int | None, width: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (atoms, width) if components is None else (atoms, components, width)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(edges.num_edges, width, generator=generator, dtype=torch.float64, requires_grad=True)
    return x, w


@pytest.mark.parametrize("components", COMPONENTS)
@pytest.mark.parametrize("block", [1, 7, 2**19])
def test_equals_its_definition_up_to_second_derivatives(
    components: int | None, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "_BLOCK", block)
    batch = example_batch((5, 1, 7))
    edges = radius_edges(batch, 2.5)
    x, w = case(edges, batch.num_atoms, components)

    def derivatives(form: object) -> list[Tensor]:
        y = form(edges, x, w)  # type: ignore[operator]
        first = torch.autograd.grad(y.tanh().sum(), (x, w), create_graph=True)
        second = torch.autograd.grad(sum(g.sin().sum() for g in first), (x, w))
        return [y, *first, *second]

    for ours, plain in zip(derivatives(convolve), derivatives(convolve_plainly), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("components", COMPONENTS)
def test_first_and_second_derivatives_equal_differences(components: int | None) -> None:
    edges = all_pairs(torch.tensor([0, 3, 5]))
    x, w = case(edges, 5, components, width=2)
    assert torch.autograd.gradcheck(lambda x, w: convolve(edges, x, w), (x, w))
    assert torch.autograd.gradgradcheck(lambda x, w: convolve(edges, x, w), (x, w))
    if components is None:
        assert torch.autograd.gradcheck(lambda x: sum_ends(edges, x), (x,))
        assert torch.autograd.gradgradcheck(lambda x: sum_ends(edges, x), (x,))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=5), st.integers(1, 3))
def test_equals_a_loop_over_neighbours(sizes: list[int], components: int) -> None:
    edges = all_pairs(torch.tensor([0, *sizes]).cumsum(0))
    x, w = case(edges, sum(sizes), components)
    expected = torch.zeros_like(x)
    for e, (i, j) in enumerate(zip(edges.source.tolist(), edges.target.tolist(), strict=True)):
        expected[i] = expected[i] + w[e] * x[j]
        expected[j] = expected[j] + w[e] * x[i]
    torch.testing.assert_close(convolve(edges, x, w), expected)


def test_directed_edges_send_from_source_to_target() -> None:
    edges = EdgeList(torch.tensor([0, 0]), torch.tensor([1, 2]), symmetric=False)
    x, w = torch.tensor([[2.0], [3.0], [5.0]]), torch.tensor([[10.0], [100.0]])
    assert convolve(edges, x, w).tolist() == [[0.0], [20.0], [200.0]]
    assert sum_ends(edges, x).tolist() == [[5.0], [7.0]]


def test_half_precision_is_summed_in_single() -> None:
    edges = all_pairs(torch.tensor([0, 3]))
    x, w = case(edges, 3, None)
    assert convolve(edges, x.bfloat16(), w.bfloat16()).dtype == torch.float32
    assert convolve(edges, x.bfloat16(), w).dtype == torch.float64
