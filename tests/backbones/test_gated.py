import pytest
import torch

from molbench.backbones.base import Representation
from molbench.backbones.heads.gated import GatedEquivariantBlock, ScalarVectorHead, length
from molbench.testing import random_rotation


def test_scalars_stay_and_vectors_turn() -> None:
    torch.manual_seed(0)
    head = ScalarVectorHead(8).double()
    scalars, vectors = torch.randn(5, 8).double(), torch.randn(5, 3, 8).double()
    turn = random_rotation(reflect=True)
    value, vector = head(Representation(scalars, scalars, vectors))
    turned = torch.einsum("ij,njv->niv", turn, vectors)
    same, moved = head(Representation(scalars, scalars, turned))
    assert value.shape == (5,)
    assert vector.shape == (5, 3)
    torch.testing.assert_close(same, value)
    torch.testing.assert_close(moved, vector @ turn.T)


def test_a_block_by_hand() -> None:
    block = GatedEquivariantBlock(1, 1, activation=False)
    with torch.no_grad():
        block.norms.weight.fill_(2)
        block.vectors.weight.fill_(3)
        block.update[0].weight.copy_(torch.tensor([[1.0, 1.0]]))
        block.update[2].weight.copy_(torch.tensor([[1.0], [10.0]]))
        scalar, vector = block(torch.tensor([[0.5]]), torch.tensor([[[3.0], [0.0], [4.0]]]))
    # Length of 2 v is 10; hidden = silu(0.5 + 10).
    hidden = torch.nn.functional.silu(torch.tensor(10.5))
    torch.testing.assert_close(scalar, hidden.view(1, 1))
    torch.testing.assert_close(vector, 10 * hidden * 3 * torch.tensor([[[3.0], [0.0], [4.0]]]))


def test_zero_vectors_have_zero_derivatives() -> None:
    vectors = torch.zeros(2, 3, 4, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(length(vectors).sum(), vectors, create_graph=True)
    assert not first.any()
    (second,) = torch.autograd.grad(first.sum(), vectors)
    assert not second.any()


def test_vectors_are_asked_for() -> None:
    with pytest.raises(ValueError, match="vectors=True"):
        ScalarVectorHead(4)(Representation(torch.ones(2, 4), torch.ones(1, 4)))
