"""What every pretraining objective must do."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from molbench.graph.batch import Batch
from molbench.methods.base import AnyMethod
from molbench.testing.molecules import example_batch, with_random_labels


def assert_method(method: AnyMethod, batch: Batch | None = None) -> None:
    """Assert that a method can be trained, resumed and logged.

    Its loss must be a finite scalar, the function of its draws that it says it is and of nothing else random,
    move the backbone by finite gradients, leave the batch alone, and come with detached logs. A method that
    draws nothing gives the same loss whatever the generator, any other gives another.

    Args:
        method: In the precision of the batch.
        batch: What it reads; by default the molecules of :func:`example_batch` with random labels.
    """
    batch = batch or with_random_labels(example_batch(), method.columns)
    before = [tensor.clone() for tensor in _tensors(batch)]
    method.train()
    # Copies forget what a loss teaches its method in passing, such as running statistics.
    again, given, other = (deepcopy(method) for _ in range(3))
    loss, logs = method.loss(batch, torch.Generator().manual_seed(1))
    assert loss.dim() == 0, f"the loss is no scalar but {tuple(loss.shape)}"  # noqa: S101
    assert bool(loss.isfinite()), f"the loss is {loss.item()}"  # noqa: S101
    tied = [name for name, value in logs.items() if value.requires_grad]
    assert not tied, f"logs not detached: {', '.join(tied)}"  # noqa: S101
    same = all(torch.equal(a, b) for a, b in zip(_tensors(batch), before, strict=True))
    assert same, "the loss changed its batch"  # noqa: S101

    repeated, _ = again.loss(batch, torch.Generator().manual_seed(1))
    assert torch.equal(loss, repeated), "the same generator gave another loss"  # noqa: S101
    draws = given.draw(batch, torch.Generator().manual_seed(1))
    assert torch.equal(loss, given.loss_given(batch, draws)[0]), "the loss is not that of its draws"  # noqa: S101
    changed, _ = other.loss(batch, torch.Generator().manual_seed(2))
    if draws is None:
        assert torch.equal(loss, changed), "another generator gave another loss"  # noqa: S101
    else:
        assert not torch.equal(loss, changed), "another generator gave the same loss"  # noqa: S101

    method.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad for name, p in method.backbone.named_parameters() if p.grad is not None}
    wild = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
    assert not wild, f"gradients not finite: {', '.join(wild)}"  # noqa: S101
    assert any(bool(g.any()) for g in gradients.values()), "no gradient reaches the backbone"  # noqa: S101


def _tensors(value: Any) -> list[Tensor]:
    """Every tensor of a batch, made comparable where it holds NaN."""
    if isinstance(value, Tensor):
        return [value.nan_to_num(-1.0)]
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = list(value.values())
    elif is_dataclass(value):
        parts = [getattr(value, field.name) for field in fields(value)]
    return [tensor for part in parts for tensor in _tensors(part)]
