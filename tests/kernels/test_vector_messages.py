import pytest
import torch
from torch import Tensor

from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.kernels import vector_messages
from molbench.kernels.edges import EdgeList
from molbench.kernels.vector_messages import convolve_to_vectors, convolve_to_vectors_plainly
from molbench.testing import example_batch
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")

WIDTH = 4


def case(edges: EdgeList, atoms: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    return draw(atoms, WIDTH), draw(edges.num_edges, WIDTH), draw(edges.num_edges, 3)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("block", [1, 50, 2**19])
def test_equals_its_definition_up_to_second_derivatives(
    symmetric: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_messages, "_BLOCK", block)
    batch = example_batch((5, 1, 0, 7))
    edges = radius_edges(batch, 2.5)
    edges = edges if symmetric else edges.directed()
    arguments = case(edges, batch.num_atoms)

    def derivatives(form: object) -> list[Tensor]:
        y = form(edges, *arguments)  # type: ignore[operator]
        first = torch.autograd.grad(y.tanh().sum(), arguments, create_graph=True)
        second = torch.autograd.grad(sum(g.sin().sum() for g in first), arguments)
        return [y, *first, *second]

    for ours, plain in zip(
        derivatives(convolve_to_vectors), derivatives(convolve_to_vectors_plainly), strict=True
    ):
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)


def test_first_and_second_derivatives_equal_differences() -> None:
    edges = all_pairs(torch.tensor([0, 3, 5]))
    arguments = case(edges, 5)
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda *given: convolve_to_vectors(edges, *given), arguments)


def test_a_pair_by_hand() -> None:
    edges = all_pairs(torch.tensor([0, 2]))
    s, f, u = torch.tensor([[2.0], [5.0]]), torch.tensor([[10.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    # From the target, atom 1, to the source, atom 0; the other way round for atom 0.
    assert convolve_to_vectors(edges, s, f, u)[:, :, 0].tolist() == [[0, 0, -50], [0, 0, 20]]
