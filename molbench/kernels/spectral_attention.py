"""Softmax attention over the tokens of a molecule's spectra, in many heads of few features.

Of such short dot products a CPU spends more time on passing scores through memory than on taking them; there
one kernel goes from queries to the result, and takes the scores anew for the derivatives. Elsewhere PyTorch's
fused attention does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable

from molbench.kernels.library import call, usable


def attend(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """``softmax(scale q·k) v``, without a matrix of scores; its gradient has no further derivatives.

    Args:
        queries: q, [B, heads, L, K].
        keys: k, [B, heads, L, K].
        values: v, [B, heads, L, D] with D <= K.
        scale: Factor of the scores.

    Returns:
        A row for each query, [B, heads, L, D].
    """
    if usable(queries, keys, values):
        return _attend(queries, keys, values.transpose(1, 2), scale).transpose(1, 2)
    padding = queries.shape[-1] - values.shape[-1]  # the fused kernels want one width
    padded = nn.functional.pad(values, (0, padding))
    mixed = nn.functional.scaled_dot_product_attention(queries, keys, padded, scale=scale)
    return mixed[..., : values.shape[-1]]


def attend_plainly(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """:func:`attend` in so many words, the definition that tests compare with."""
    return (scale * queries @ keys.transpose(-1, -2)).softmax(dim=-1) @ values


class _SpectralAttention(Function):
    """:func:`attend` with values and results as linear layers take them, [B, L, heads, D]."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        result, normaliser = torch.empty_like(v), q.new_empty(q.shape[:-1])
        ctx.scale = v.new_tensor(scale)
        call("softmax_attention", v.dtype, _work(q), *_sizes(q, v), ctx.scale, q, k, v, result, normaliser)
        ctx.save_for_backward(q, k, v, result, normaliser)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = q, k, v, *_ = ctx.saved_tensors
        grads = tuple(torch.empty_like(tensor) for tensor in (q, k, v))
        inputs = *_sizes(q, v), ctx.scale, *saved, gradient
        call("softmax_attention_backward", v.dtype, _work(q), *inputs, *grads)
        return *grads, None


def _sizes(q: Tensor, v: Tensor) -> tuple[int, ...]:
    return *q.shape, v.shape[-1]


def _work(q: Tensor) -> int:
    """Number of scores."""
    return q.shape[:-1].numel() * q.shape[-2]


_attend: Callable[[Tensor, Tensor, Tensor, float], Tensor] = _SpectralAttention.apply
