import torch

from molbench.backbones.silu import SiLU, silu


def test_equals_the_library_up_to_third_derivatives() -> None:
    x = torch.linspace(-30, 30, 201, dtype=torch.float64, requires_grad=True)

    def derivatives(function: object) -> list[torch.Tensor]:
        values = [function(x)]  # type: ignore[operator]
        for _ in range(3):
            (slope,) = torch.autograd.grad(values[-1].sum(), x, create_graph=True)
            values.append(slope)
        return values

    for ours, theirs in zip(derivatives(silu), derivatives(torch.nn.functional.silu), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    assert torch.equal(SiLU()(x), silu(x))


def test_derivatives_equal_differences() -> None:
    x = torch.randn(7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(silu, (x,))
    assert torch.autograd.gradgradcheck(silu, (x,))
