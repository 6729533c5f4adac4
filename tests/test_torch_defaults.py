"""What the program around has set neither changes a number nor is changed."""

import torch

from molbench.torch_defaults import torch_defaults


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
