"""A few steps of Adam on one batch, the noise the same in each."""

from __future__ import annotations

from typing import Any

import torch

from molbench.methods.base import Method


def losses_on(batch: Any, method: Method, steps: int, lr: float) -> list[float]:
    """The loss before each step.

    Args:
        batch: What the method's reader gives.
        method: Trained in place.
        steps: How many.
        lr: Learning rate.
    """
    optimizer = torch.optim.Adam(method.parameters(), lr)
    losses = []
    for _ in range(steps):
        loss, _ = method.loss(batch, torch.Generator().manual_seed(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
