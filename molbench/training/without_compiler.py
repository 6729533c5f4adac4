"""Fabric and Adam without what they import and do not use, which takes longer than all the rest.

Fabric imports PyTorch's compiler to recognise compiled modules, and torchmetrics, with SciPy and Matplotlib,
to learn its version; optimisers import the compiler to keep it out of their methods. Nothing is compiled in
training. A program that uses either may import it before or later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

import torch
from torch.optim import Optimizer

_COMPILER = "torch._dynamo"


class _Compiled(type):
    """Of a class whose instances are compiled modules, of which there are none without the compiler."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules.get(_COMPILER)
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class OptimizedModule(metaclass=_Compiled):
    """Stands in Fabric for the compiler's class of this name."""


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Let modules that are not there yet be imported as others with the little of them that is looked at."""
    compiler, metrics = ModuleType(_COMPILER), ModuleType("torchmetrics")
    compiler.OptimizedModule = OptimizedModule  # type: ignore[attr-defined]
    with suppress(PackageNotFoundError):
        metrics.__version__ = version(metrics.__name__)  # type: ignore[attr-defined]
    new = {module.__name__: module for module in (compiler, metrics) if module.__name__ not in sys.modules}
    sys.modules.update(new)
    try:
        yield
    finally:
        for name in new:
            del sys.modules[name]


with _stand_ins():
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy


def _undecorated(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of an optimiser without what switches the compiler off in it."""
    plain: Callable[..., Any] = getattr(method, "__wrapped__", method)
    return plain


class _Undecorated(Optimizer):
    state_dict = _undecorated(Optimizer.state_dict)
    load_state_dict = _undecorated(Optimizer.load_state_dict)
    zero_grad = _undecorated(Optimizer.zero_grad)
    add_param_group = _undecorated(Optimizer.add_param_group)


class Adam(_Undecorated, torch.optim.Adam):
    """PyTorch's."""

    step = torch.no_grad()(_undecorated(torch.optim.Adam.step))


class AdamW(_Undecorated, torch.optim.AdamW):
    """PyTorch's."""

    step = torch.no_grad()(_undecorated(torch.optim.AdamW.step))


__all__ = ["Adam", "AdamW", "DDPStrategy", "Fabric"]
