"""Random numbers of a loss: drawn where the generator is, used where the batch is."""

from __future__ import annotations

import torch
from torch import Tensor


def normal(generator: torch.Generator, like: Tensor, *shape: int) -> Tensor:
    """Standard normal numbers of the type and on the device of ``like``."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype).to(like.device)


def uniform(generator: torch.Generator, device: torch.device, *shape: int) -> Tensor:
    """Numbers in [0, 1), float64 so that no two are equal in practice."""
    return torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float64).to(device)


def integers(generator: torch.Generator, bound: int, device: torch.device, *shape: int) -> Tensor:
    """Integers in [0, bound), int64."""
    return torch.randint(bound, shape, generator=generator, device=generator.device).to(device)
