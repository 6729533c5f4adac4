"""Calls the functions of the C files beside it.

They are optional: without a C compiler, on an accelerator, in other types than float32 and float64 and inside
``torch.compile`` their callers take the same sums with PyTorch's operators. ``MOLBENCH_KERNELS=0`` switches
them off.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from molbench.kernels.compile import NoKernelsError, compiled

_SUFFIXES = {torch.float32: "float", torch.float64: "double"}
# Elements from which a second thread pays for being woken.
_PARALLEL = 2**14


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels take these tensors: on the CPU, all float32 or all float64, outside a compiler."""
    first = tensors[0].dtype
    return (
        first in _SUFFIXES
        and all(tensor.is_cpu and tensor.dtype == first for tensor in tensors)
        and not torch.compiler.is_compiling()
        and library() is not None
    )


def call(name: str, dtype: torch.dtype, work: int, *arguments: Tensor | int | None) -> None:
    """Run one kernel.

    Args:
        name: Of the function in C, without its type.
        dtype: float32 or float64.
        work: Elements that it reads or writes; few are left to one thread.
        arguments: Sizes, inputs and contiguous outputs in the order of the function, all but the threads;
            None for an array that is not given.
    """
    given = [torch.get_num_threads() if work >= _PARALLEL else 1]
    kept = []  # copies of inputs live until the function is done
    for value in arguments:
        if isinstance(value, Tensor):
            kept.append(value.contiguous())
            given.append(kept[-1].data_ptr())
        else:
            given.append(value or 0)
    function(f"{name}_{_SUFFIXES[dtype]}", len(given))(*given)


@cache
def function(name: str, arguments: int) -> Callable[..., None]:
    """A function of the library by its full name; its sizes and pointers are all 64 bits wide."""
    loaded = library()
    assert loaded is not None, "call usable() first"  # noqa: S101 - a promise between our own files
    kernel = loaded[name]
    kernel.argtypes, kernel.restype = [ctypes.c_int64] * arguments, None
    return kernel


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where they are switched off or cannot be made."""
    return load()[0]


def reason() -> str:
    """Why there are no compiled kernels, in one line; empty where there are."""
    return load()[1]


@cache
def load() -> tuple[ctypes.CDLL | None, str]:
    """The library or the reason, found once in a process."""
    if os.environ.get("MOLBENCH_KERNELS") == "0":
        return None, "MOLBENCH_KERNELS=0 switches them off"
    try:
        return ctypes.CDLL(str(compiled())), ""
    except NoKernelsError as error:
        return None, " ".join(str(error).split())
    except OSError as error:  # on a file system without execution, say
        return None, f"the compiled file cannot be loaded: {' '.join(str(error).split())}"
