"""SiLU whose derivatives of derivatives stay cheap, for models that are trained on forces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function


def silu(x: Tensor) -> Tensor:
    """``x σ(x)``, elementwise.

    The library's own takes its second derivative through some twenty elementwise steps, each of them a pass
    over all messages of a batch; here it is a formula.
    """
    return _silu(x)


class SiLU(nn.Module):
    """:func:`silu` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        return silu(x)


class _SiLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return nn.functional.silu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _slope(gradient, x)


class _Slope(Function):
    """``g silu'(x)``."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(g, x)
        slope: Tensor = torch.ops.aten.silu_backward(g, x)
        return slope

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        g, x = ctx.saved_tensors
        of_x = None
        if ctx.needs_input_grad[1]:
            # silu'' = silu' + σ (1 - 2 silu')
            weight = gradient * g
            sloped = _slope(weight, x)
            of_x = torch.addcmul(sloped, torch.sigmoid(x), torch.sub(weight, sloped, alpha=2))
        return _slope(gradient, x), of_x


_silu: Callable[[Tensor], Tensor] = _SiLU.apply
_slope: Callable[[Tensor, Tensor], Tensor] = _Slope.apply
