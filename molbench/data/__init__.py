"""Datasets: from raw files to built folders, and from built folders to batches."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.data.build.importing import import_file
    from molbench.data.build.load import load_dataset
    from molbench.data.folder.location import locate
    from molbench.data.read.loader import Loader
    from molbench.data.read.store import Store

_LAZY = {
    "Loader": "read.loader",
    "Store": "read.store",
    "import_file": "build.importing",
    "load_dataset": "build.load",
    "locate": "folder.location",
}

__all__ = ["Loader", "Store", "import_file", "load_dataset", "locate"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
