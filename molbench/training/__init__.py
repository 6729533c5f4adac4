"""Training: the loop, its schedules and resume state, checkpoint files, and pretraining itself.

The names below are imported on first use, so that importing this package loads neither torch nor Fabric.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.training.allocator import tune_allocator
    from molbench.training.checkpoint import Checkpoint
    from molbench.training.loop import FitReport, StepReport, fit
    from molbench.training.machine import describe_machine

_HOME = {
    "Checkpoint": "checkpoint",
    "FitReport": "loop",
    "StepReport": "loop",
    "describe_machine": "machine",
    "fit": "loop",
    "tune_allocator": "allocator",
}

__all__ = ["Checkpoint", "FitReport", "StepReport", "describe_machine", "fit", "tune_allocator"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
