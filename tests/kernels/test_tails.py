"""Far out functions are zero: a processor can be slow with numbers below 1.2e-38."""

import torch

from molbench.backbones.parts.layers import GaussianBasis
from molbench.kernels.activations import silu
from tests.eager import needs_kernels


@needs_kernels
def test_silu_is_zero_with_its_derivatives() -> None:
    x = torch.linspace(-200, 50, 5001, requires_grad=True)
    values = silu(x)
    (slope,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    (curve,) = torch.autograd.grad(slope.sum(), x)
    for result in (values, slope, curve):
        assert result[x < -40].eq(0).all()
        assert result[result != 0].abs().min() > 1e-18
    torch.testing.assert_close(values, torch.nn.functional.silu(x), rtol=1e-6, atol=1e-15)


def test_a_basis_is_zero_with_its_derivatives() -> None:
    distances = torch.linspace(0, 10, 101, requires_grad=True)
    values = GaussianBasis(50, 10.0)(distances)
    (slopes,) = torch.autograd.grad(values.sum(), distances, create_graph=True)
    (curves,) = torch.autograd.grad(slopes.sum(), distances)
    for result in (values, slopes, curves):
        assert result[result != 0].abs().min() > 1e-18
    assert (values == 0).float().mean() > 0.2
