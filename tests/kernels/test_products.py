"""Products by our kernel are those by PyTorch, to any order of derivative and for every layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from molbench.kernels import products
from molbench.kernels.library import library
from molbench.kernels.products import Linear, linear, product

SHAPES = [(24, 128, 32), (13, 50, 70), (169, 129, 33), (400, 300, 12), (12, 700, 300), (193, 1, 64)]
LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "rows": lambda x: x,
    "columns": lambda x: x.t().contiguous().t(),
    "part": lambda x: torch.cat([x, x, x], dim=1)[:, x.shape[1] : 2 * x.shape[1]],
    "sparse": lambda x: torch.stack([x, -x], dim=-1)[..., 0],
    "repeated": lambda x: x[:1].expand(len(x), -1),
}


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernel everywhere, however small the product and whatever the processor."""
    if library() is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(products, "least", lambda: 1)
    monkeypatch.setattr(products, "_FEWEST", 1)
    yield


def close(ours: Tensor, exact: Tensor, terms: int) -> None:
    """Up to the rounding of so many terms of size one."""
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-6 * terms)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_any_layout_gives_the_product(shape: tuple[int, int, int], left: str, right: str) -> None:
    rows, depth, columns = shape
    torch.manual_seed(0)
    x, weight = LAYOUTS[left](torch.randn(rows, depth)), LAYOUTS[right](torch.randn(columns, depth))
    bias = torch.randn(columns)
    exact = x.double() @ weight.double().t()
    close(product(x, weight), exact, depth)
    close(product(x, weight, bias), exact + bias.double(), depth)


def test_the_number_of_threads_changes_no_bit() -> None:
    x, weight = torch.randn(300, 200), torch.randn(64, 200)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        once = product(x, weight)
        torch.set_num_threads(3)
        assert torch.equal(product(x, weight), once)
    finally:
        torch.set_num_threads(before)


def test_derivatives_of_derivatives_are_those_of_pytorch() -> None:
    """As training on forces takes them: a gradient by the input inside the loss."""
    torch.manual_seed(0)
    inputs = [torch.randn(40, 20), torch.randn(30, 20), torch.randn(30)]

    def derivatives(function: Callable[..., Tensor], dtype: torch.dtype) -> tuple[Tensor, ...]:
        leaves = [value.to(dtype).requires_grad_() for value in inputs]
        energy = function(*leaves).tanh().sum()
        (force,) = torch.autograd.grad(energy, leaves[0], create_graph=True)
        return torch.autograd.grad(force.square().sum() + energy, leaves)

    for ours, exact in zip(
        derivatives(linear, torch.float32), derivatives(nn.functional.linear, torch.float64), strict=True
    ):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-4, atol=1e-4)


def test_a_gradient_that_nobody_asks_for_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(40, 20, requires_grad=True), torch.randn(30, 20, requires_grad=True)
    done = []

    def counted(*arguments: Tensor | None) -> Tensor:
        done.append(arguments)
        return product(*arguments)

    monkeypatch.setattr(products, "product", counted)
    for asked, expected in (([x], 2), ([weight], 2), ([x, weight], 3)):
        done.clear()
        torch.autograd.grad(linear(x, weight).sum(), asked)
        assert len(done) == expected
    done.clear()
    linear(x, weight).sum().backward()
    assert len(done) == 3 and x.grad is not None and weight.grad is not None


def test_the_layer_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours = Linear(20, 30)
    torch.manual_seed(0)
    theirs = nn.Linear(20, 30)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x = torch.randn(5, 7, 20)
    torch.testing.assert_close(ours(x), theirs(x))
    assert ours(x[:0]).shape == (0, 7, 30)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    assert ours.double()(x.double()).dtype == torch.float64


def test_wrong_shapes_are_refused_as_pytorch_refuses_them() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        linear(torch.randn(20, 8), torch.randn(16, 9))
