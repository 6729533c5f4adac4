"""The software and machine a number was made with."""

from __future__ import annotations

import platform
from importlib.metadata import version

_PACKAGES = ("molbench", "torch", "numpy", "scikit-learn", "rdkit", "lightning-fabric")


def environment() -> dict[str, str | int]:
    """Versions, processor and threads; nothing that names a user, a host or a path."""
    import torch

    from molbench.kernels.library import library

    entries: dict[str, str | int] = {name: version(name) for name in _PACKAGES}
    entries["python"] = platform.python_version()
    entries["platform"] = f"{platform.system()} {platform.machine()}"
    entries["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    entries["threads"] = torch.get_num_threads()
    entries["kernels"] = "eager" if library() is None else "compiled"
    return entries
