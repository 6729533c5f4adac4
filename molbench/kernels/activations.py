"""Activations whose derivatives of derivatives stay cheap, for models that are trained on forces.

The library's own take their second derivatives through some twenty elementwise steps, each of them a pass
over all messages of a batch; here they are formulas, and on a CPU one pass each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function

from molbench.kernels.library import call, usable


def silu(x: Tensor) -> Tensor:
    """``x σ(x)``, elementwise."""
    return _silu(x)


class SiLU(nn.Module):
    """:func:`silu` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        return silu(x)


def shifted_softplus(x: Tensor) -> Tensor:
    """``ln(½ eˣ + ½)``, elementwise."""
    return _softplus(x)


class _SiLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _elementwise("silu", x) if usable(x) else nn.functional.silu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _silu_backward(gradient, x)


class _SiLUBackward(Function):
    """``g silu'(x)``."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(g, x)
        if usable(g, x):
            return _elementwise("silu_backward", g, x)
        gradient: Tensor = torch.ops.aten.silu_backward(g, x)
        return gradient

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        g, x = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return _silu_backward(gradient, x), None
        if usable(gradient, g, x) and not torch.is_grad_enabled():
            grad_g, grad_x = (torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(2))
            call("silu_double_backward", x.dtype, x.numel(), x.numel(), gradient, g, x, grad_g, grad_x)
            return grad_g, grad_x
        # silu'' = silu' + σ (1 - 2 silu')
        weight = gradient * g
        grad = _silu_backward(weight, x)
        grad_x = torch.addcmul(grad, torch.sigmoid(x), torch.sub(weight, grad, alpha=2))
        return _silu_backward(gradient, x), grad_x


class _Softplus(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _elementwise("softplus", x) if usable(x) else nn.functional.softplus(x).sub_(math.log(2.0))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _softplus_backward(gradient, x)


class _SoftplusBackward(Function):
    """``g σ(x)``."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(g, x)
        return _elementwise("softplus_backward", g, x) if usable(g, x) else g * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        g, x = ctx.saved_tensors
        grad_x = None
        if ctx.needs_input_grad[1]:
            # σ' = σ (1 - σ)
            grad_x = _softplus_backward(gradient * g, x) * torch.sigmoid(-x)
        return _softplus_backward(gradient, x), grad_x


def _elementwise(kernel: str, *arguments: Tensor) -> Tensor:
    result = torch.empty_like(arguments[-1], memory_format=torch.contiguous_format)
    call(kernel, result.dtype, result.numel(), result.numel(), *arguments, result)
    return result


_silu: Callable[[Tensor], Tensor] = _SiLU.apply
_silu_backward: Callable[[Tensor, Tensor], Tensor] = _SiLUBackward.apply
_softplus: Callable[[Tensor], Tensor] = _Softplus.apply
_softplus_backward: Callable[[Tensor, Tensor], Tensor] = _SoftplusBackward.apply
