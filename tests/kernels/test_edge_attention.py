import pytest
import torch
from torch import Tensor

from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.kernels import edge_attention
from molbench.kernels.edge_attention import attend_neighbors, attend_neighbors_plainly, scores, scores_plainly
from molbench.kernels.edges import EdgeList
from molbench.testing import example_batch
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")

WIDTH, HEADS = 6, 2


def case(edges: EdgeList, atoms: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(rows: int) -> Tensor:
        return torch.randn(rows, WIDTH, generator=generator, dtype=torch.float64, requires_grad=True)

    return draw(atoms), draw(atoms), draw(edges.num_edges)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("block", [1, 50, 2**19])
def test_equals_its_definition_up_to_second_derivatives(
    symmetric: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_attention, "_BLOCK", block)
    batch = example_batch((5, 1, 0, 7))
    edges = radius_edges(batch, 2.5)
    edges = edges if symmetric else edges.directed()
    q, k, f = case(edges, batch.num_atoms)

    def derivatives(plain: bool) -> list[Tensor]:
        s = scores_plainly(edges, q, k, f, HEADS) if plain else scores(edges, q, k, f, HEADS)
        a = torch.sigmoid(s)
        y = attend_neighbors_plainly(edges, a, k, f) if plain else attend_neighbors(edges, a, k, f)
        first = torch.autograd.grad(y.tanh().sum(), (q, k, f), create_graph=True)
        second = torch.autograd.grad(sum(g.sin().sum() for g in first), (q, k, f))
        return [s, y, *first, *second]

    for ours, plain in zip(derivatives(False), derivatives(True), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_first_and_second_derivatives_equal_differences() -> None:
    edges = all_pairs(torch.tensor([0, 3, 5]))
    q, k, f = case(edges, 5)
    a = torch.randn(2, edges.num_edges, HEADS, dtype=torch.float64, requires_grad=True)
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda q, k, f: scores(edges, q, k, f, HEADS), (q, k, f))
        assert check(lambda a, k, f: attend_neighbors(edges, a, k, f), (a, k, f))


def test_halves_are_summed_in_single_precision() -> None:
    edges = all_pairs(torch.tensor([0, 4]))
    q, k, f = (tensor.detach().bfloat16() for tensor in case(edges, 4))
    assert scores(edges, q, k, f, HEADS).dtype == torch.float32
    assert attend_neighbors(edges, scores(edges, q, k, f, HEADS), k, f).dtype == torch.float32
