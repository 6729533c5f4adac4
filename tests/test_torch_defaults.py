"""What the program around has set neither changes a number nor is changed."""

import pytest
import torch
from torch import Tensor

from molbench.torch_defaults import torch_defaults

#: A single-precision number below the smallest normal one.
DENORMAL = 1e-40


def product() -> Tensor:
    return torch.full((), 1e-20, dtype=torch.float32) * torch.full((), 1e-20, dtype=torch.float32)


@pytest.mark.parametrize("flushed", [False, True])
def test_denormals_are_zero_inside_and_as_before_outside(flushed: bool) -> None:
    if not torch.set_flush_denormal(flushed):
        pytest.skip("this processor computes with denormals, whatever is asked")
    try:
        outside = product()
        assert outside == (0.0 if flushed else pytest.approx(DENORMAL, rel=1e-5))
        with torch_defaults():
            assert product() == 0
        assert product() == outside
        with pytest.raises(KeyError), torch_defaults():
            raise KeyError
        assert product() == outside
    finally:
        torch.set_flush_denormal(False)


def test_precision_and_gradients_are_the_package_s_inside_and_the_program_s_outside() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            with torch_defaults():
                weight = torch.ones(2, requires_grad=True)
                (gradient,) = torch.autograd.grad(weight.sum(), weight)
                assert weight.dtype == gradient.dtype == torch.float32
            assert torch.ones(()).is_inference()
            assert torch.ones(()).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
