"""PyTorch as this package expects it, whatever the program around it has set."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Single precision, gradients and no denormal numbers, for a block or as the decorator of a function.

    A score is the same in a notebook that computes in double precision, and a model may be evaluated where
    its training loop does without gradients. Numbers below 1.2e-38 are zero: far from where it bends, SiLU or
    a radial basis gives such numbers by the thousand, and some processors take a hundred times as long for
    each (``benchmarks/denormals.py``). Threads that PyTorch starts in the block keep to that.
    """
    dtype, flushed = torch.get_default_dtype(), _denormals_are_flushed()
    torch.set_default_dtype(torch.float32)
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_flush_denormal(flushed)


def _denormals_are_flushed() -> bool:
    """Whether this thread makes zeros of them, which PyTorch can set but not tell."""
    return sys.float_info.min / 2 == 0
