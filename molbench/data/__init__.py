"""Datasets: from raw files to built folders, and from built folders to batches."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.data.builder import build
    from molbench.data.importing import import_file
    from molbench.data.load import load_dataset
    from molbench.data.loader import Loader
    from molbench.data.location import locate
    from molbench.data.store import Store

_LAZY = {
    "Loader": "loader",
    "Store": "store",
    "build": "builder",
    "import_file": "importing",
    "load_dataset": "load",
    "locate": "location",
}

__all__ = ["Loader", "Store", "build", "import_file", "load_dataset", "locate"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
