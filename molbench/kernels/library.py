"""Compiles the C files beside it for this machine on first use, and calls their functions.

The functions are optional: without a C compiler, on an accelerator, in other types than float32 and float64
and inside ``torch.compile`` their callers take the same sums with PyTorch's operators. ``MOLBENCH_KERNELS=0``
switches them off. The compiled file lies where Python keeps its bytecode, in ``__pycache__`` beside the
source, or in ``$MOLBENCH_HOME/native`` where the package cannot be written to.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from molbench.atomic import replace_file
from molbench.paths import home

_FOLDER = Path(__file__).parent
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
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
    function = loaded[name]
    function.argtypes, function.restype = [ctypes.c_int64] * arguments, None
    return function


@cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where they are switched off or cannot be made."""
    if os.environ.get("MOLBENCH_KERNELS") == "0":
        return None
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    name = f"kernels-{_key(compiler)}.so"
    for folder in (_FOLDER / "__pycache__", home() / "native"):
        try:
            path = folder / name
            if not path.exists():
                command = [compiler, *_FLAGS, *map(str, sorted(_FOLDER.glob("*.c"))), "-lm", "-o"]
                with replace_file(path) as whole:  # no other process sees half a file
                    subprocess.run([*command, whole], check=True, capture_output=True, timeout=120)  # noqa: S603 - our own sources
            return ctypes.CDLL(str(path))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _key(compiler: str) -> str:
    """Changes with source, flags, compiler and processor: what one machine compiles another cannot run."""
    digest = hashlib.sha256()
    for source in sorted(_FOLDER.glob("*.[ch]")):
        digest.update(source.read_bytes())
    stamp = Path(compiler).stat()
    parts = [*_FLAGS, compiler, str(stamp.st_size), str(stamp.st_mtime_ns), platform.machine()]
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        flags = (line for line in cpu.read_text(encoding="utf-8").splitlines() if line.startswith("flags"))
        parts.append(next(flags, ""))
    digest.update("\0".join(parts).encode())
    return digest.hexdigest()[:16]
