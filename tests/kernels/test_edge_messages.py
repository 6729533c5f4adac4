import pytest
import torch
from torch import Tensor

from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.kernels.edge_messages import aggregate, aggregate_plainly, edge_messages, edge_messages_plainly
from molbench.kernels.edges import EdgeList
from molbench.testing import example_batch
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")
WIDTH = 4


def case(edges: EdgeList, atoms: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    directions = 1 + edges.symmetric

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    return (
        draw(atoms, WIDTH),
        draw(atoms, WIDTH),
        draw(edges.num_edges, WIDTH),
        draw(directions, edges.num_edges),
    )


@pytest.mark.parametrize("symmetric", [True, False])
def test_equals_its_definition_up_to_second_derivatives(symmetric: bool) -> None:
    batch = example_batch((5, 1, 0, 7))
    edges = radius_edges(batch, 2.5)
    edges = edges if symmetric else edges.directed()
    a, b, c, weights = arguments = case(edges, batch.num_atoms)

    def derivatives(plain: bool) -> list[Tensor]:
        joined = (edge_messages_plainly if plain else edge_messages)(edges, a, b, c)
        y = (aggregate_plainly if plain else aggregate)(
            edges, weights.sigmoid(), joined.tanh(), batch.num_atoms
        )
        first = torch.autograd.grad(y.tanh().sum(), arguments, create_graph=True)
        second = torch.autograd.grad(sum(g.sin().sum() for g in first), arguments)
        return [joined, y, *first, *second]

    for ours, plain in zip(derivatives(False), derivatives(True), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_first_and_second_derivatives_equal_differences() -> None:
    edges = all_pairs(torch.tensor([0, 3, 5]))
    a, b, c, weights = case(edges, 5)
    messages = edge_messages(edges, a, b, c).detach().requires_grad_()
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda *given: edge_messages(edges, *given), (a, b, c))
        assert check(lambda *given: aggregate(edges, *given, 5), (weights, messages))


def test_a_pair_by_hand() -> None:
    edges = all_pairs(torch.tensor([0, 2]))  # source 0, target 1
    targets, sources = torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [20.0]])
    messages = edge_messages(edges, targets, sources, torch.tensor([[100.0]]))
    assert messages.squeeze().tolist() == [112, 121]  # to atom 1 from atom 0, then the other way
    assert aggregate(edges, torch.tensor([[0.5], [2.0]]), messages, 2).tolist() == [[242], [56]]
