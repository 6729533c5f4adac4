"""Exponential moving average of weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def average_of(module: nn.Module, decay: float) -> AveragedModel:
    """A running average e of the weights w: e = w after the first update, then e = decay e + (1 - decay) w.

    Buffers follow the module without averaging.
    """
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]


@contextmanager
def averaged_weights(module: nn.Module, average: AveragedModel | None) -> Iterator[None]:
    """Lend ``module`` its averaged weights for the length of the block; without an average, do nothing.

    The tensors are copied into and not replaced, so an optimiser that holds them stays valid.
    """
    if average is None:
        yield
        return
    current = {name: value.clone() for name, value in module.state_dict().items()}
    module.load_state_dict(average.module.state_dict())
    try:
        yield
    finally:
        module.load_state_dict(current)
