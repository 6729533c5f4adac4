"""PyTorch as this package expects it, whatever the program around it has set."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_defaults() -> Iterator[None]:
    """Single precision and gradients, for a block or as the decorator of a function.

    A score is the same in a notebook that computes in double precision, and a model may be evaluated where
    its training loop does without gradients.
    """
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
