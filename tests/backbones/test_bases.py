"""Bases of distances."""

import torch

from molbench.backbones.parts.layers import GaussianBasis


def test_tails_are_zero_with_their_derivatives() -> None:
    # Of numbers below 1.2e-38, and of their products, a processor is slow.
    distances = torch.linspace(0, 10, 101, requires_grad=True)
    values = GaussianBasis(50, 10.0)(distances)
    (slopes,) = torch.autograd.grad(values.sum(), distances, create_graph=True)
    (curves,) = torch.autograd.grad(slopes.sum(), distances)
    for result in (values, slopes, curves):
        assert result[result != 0].abs().min() > 1e-18
    assert (values == 0).float().mean() > 0.2
