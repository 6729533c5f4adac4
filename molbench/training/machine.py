"""The software and machine a number was made with."""

from __future__ import annotations

import platform
import resource
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from molbench.training.source import commit, package_digest

_PACKAGES = ("molbench", "torch", "numpy", "scikit-learn", "rdkit", "lightning-fabric")


def describe_machine() -> dict[str, str | int]:
    """Versions, code, processor and threads; nothing that names a user, a host or a path."""
    import torch

    from molbench.kernels.library import library

    entries: dict[str, str | int] = {name: version(name) for name in _PACKAGES}
    entries["python"] = platform.python_version()
    entries["package"] = package_digest()
    if revision := commit():
        entries["commit"] = revision
    entries["platform"] = f"{platform.system()} {platform.machine()}"
    entries["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    entries["processor"] = _processor()
    entries["threads"] = torch.get_num_threads()
    entries["kernels"] = "eager" if library() is None else "compiled"
    return entries


@cache
def _processor() -> str:
    """Model of the processor as the system names it."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_memory() -> float:
    """Most memory that this process has held since it was asked to forget, or else ever, MiB."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024
