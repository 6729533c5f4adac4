"""Products of matrices in single precision, where PyTorch's library leaves much of the processor idle.

PyTorch multiplies by Intel's MKL, which uses vectors of 512 bits on Intel's processors only; on others that
have them a loop of our own is twice as fast, and on those with vectors of 256 bits a fifth faster, with few
terms to sum or few columns twice. The other library that PyTorch carries, oneDNN, is as fast, but
makes code for every shape that it meets, and no two batches have as many atoms.

``linear`` is closed under differentiation, so that forces inside a loss take the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function

from molbench.kernels.library import call, usable

# Multiplications from which the kernel pays, by the vectors that there are: where it is a fifth faster, large
# products only, since calling it takes some 20 us more.
_LEAST = {"AVX512": 2**19, "AVX2": 2**24}
# With so few terms or columns it pays from a quarter of them.
_NARROW = 32
# Rows and columns below which it computes too much.
_FEWEST = 4
# Most rows of a tile in products.c: a result with fewer columns is better taken the other way round.
_ROWS = 12
# Most columns of a panel in products.c.
_COLUMNS = 32


class Linear(nn.Linear):
    """PyTorch's linear layer, by :func:`linear`."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as it is called there
        """[..., K] to [..., N]."""
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x Wᵀ + b``, as :func:`torch.nn.functional.linear` up to rounding.

    Args:
        x: [..., K].
        weight: W, [N, K].
        bias: b, [N], or None.

    Returns:
        [..., N].
    """
    if torch.is_autocast_enabled(x.device.type):
        return nn.functional.linear(x, weight, bias)
    if x.dim() == 2:
        return _multiply(x, weight, bias)
    rows = x.reshape(-1, x.shape[-1])
    return _multiply(rows, weight, bias).view(*x.shape[:-1], weight.shape[0])


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """:func:`linear` of two dimensions, without a graph: for functions that know their derivatives."""
    if not _pays(x, weight, bias):
        return nn.functional.linear(x, weight, bias)
    (rows, depth), columns = x.shape, weight.shape[0]
    result = x.new_empty(rows, columns)
    panels = -(-columns // _COLUMNS)
    packed = x.new_empty((panels if weight.stride(0) != 1 else 1) * _COLUMNS * depth)
    strides = *x.stride(), weight.stride(1), weight.stride(0)
    sizes = rows, depth, columns, *strides
    # Strided as they are: `call` would copy them.
    given = x.data_ptr(), weight.data_ptr()
    call("product", x.dtype, rows * depth * columns // 64, *sizes, *given, bias, packed, result)
    return result


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needed = [_needs_gradient(ctx, position) for position in range(3)]
        return (
            _multiply(gradient, weight.t(), None) if needed[0] else None,
            _weight_gradient(gradient, x) if needed[1] else None,
            gradient.sum(0) if needed[2] else None,
        )


def _weight_gradient(gradient: Tensor, x: Tensor) -> Tensor:
    if x.shape[1] < _ROWS < gradient.shape[1]:
        return _multiply(x.t(), gradient.t(), None).t()
    return _multiply(gradient.t(), x.t(), None)


def _needs_gradient(ctx: Any, position: int) -> bool:
    """Whether this backward pass leads to an input: forces inside a loss ask for no gradient of weights.

    ``ctx.needs_input_grad`` says whether any pass may, which would be a third of all products too many.
    """
    if not ctx.needs_input_grad[position]:
        return False
    node = ctx.next_functions[position][0]
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # a leaf whose gradient is asked for
        return True


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if not _pays(x, weight, bias):
        return nn.functional.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return product(x, weight, bias)
    return _linear(x, weight, bias)


def _pays(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether the kernel is the faster way."""
    (rows, depth), columns = x.shape, weight.shape[0]
    return (
        rows * columns * depth * (4 if min(depth, columns) <= _NARROW else 1) >= least()
        and min(rows, columns) >= _FEWEST
        and depth == weight.shape[1]
        and x.dtype == torch.float32
        and usable(x, weight, *([] if bias is None else [bias]))
    )


@cache
def least() -> float:
    """Multiplications from which the kernel pays on this processor; infinity where MKL is at home."""
    processor = Path("/proc/cpuinfo")
    if not processor.exists() or "GenuineIntel" in processor.read_text(encoding="utf-8"):
        return math.inf
    return _LEAST.get(torch.backends.cpu.get_cpu_capability(), math.inf)


_linear: Callable[[Tensor, Tensor, Tensor | None], Tensor] = _Linear.apply
