import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from molbench.kernels.activations import SiLU, shifted_softplus, silu
from tests.eager import each_way  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("each_way")


LIBRARY = {
    silu: torch.nn.functional.silu,
    shifted_softplus: lambda x: torch.nn.functional.softplus(x) - math.log(2),
}
each_activation = pytest.mark.parametrize("activation", LIBRARY)


@each_activation
def test_equals_the_library_up_to_third_derivatives(activation: Callable[[Tensor], Tensor]) -> None:
    # Beyond 20 the library's softplus is linear.
    x = torch.linspace(-19, 19, 201, dtype=torch.float64, requires_grad=True)

    def derivatives(function: Callable[[Tensor], Tensor]) -> list[Tensor]:
        values = [function(x)]
        for _ in range(3):
            (slope,) = torch.autograd.grad(values[-1].sum(), x, create_graph=True)
            values.append(slope)
        return values

    for ours, theirs in zip(derivatives(activation), derivatives(LIBRARY[activation]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_module_is_the_function() -> None:
    x = torch.randn(5)
    assert torch.equal(SiLU()(x), silu(x))


@each_activation
def test_derivatives_equal_differences(activation: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(activation, (x,))
    assert torch.autograd.gradgradcheck(activation, (x,))
    # Without a graph pre_activation it, the second derivative is a kernel of its own.
    (slope,) = torch.autograd.grad(activation(x).sum(), x, create_graph=True)
    (curve,) = torch.autograd.grad(slope.square().sum(), x)
    (slope,) = torch.autograd.grad(activation(x).sum(), x, create_graph=True)
    (again,) = torch.autograd.grad(slope.square().sum(), x, create_graph=True)
    torch.testing.assert_close(curve, again.detach())
