"""Which test molecules a pretraining corpus holds too.

The names below are imported on first use: searching a corpus takes RDKit and SciPy, which asking what was
known does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.data.leakage.attach import contamination, overlap_with
    from molbench.data.leakage.matrix import Matrix, Overlap
    from molbench.data.leakage.overlap import overlap_matrix

_HOME = {
    "Matrix": "matrix",
    "Overlap": "matrix",
    "contamination": "attach",
    "overlap_matrix": "overlap",
    "overlap_with": "attach",
}

__all__ = ["Matrix", "Overlap", "contamination", "overlap_matrix", "overlap_with"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
