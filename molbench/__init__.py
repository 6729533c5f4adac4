"""molbench: standard molecular datasets, pretraining methods and one way to score them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from molbench.data.build.load import load_dataset
    from molbench.data.read.store import Store
    from molbench.evaluation import evaluate
    from molbench.evaluation.comparison.compare import compare
    from molbench.spec.catalogue import Catalogue
    from molbench.training.checkpoint import Checkpoint
    from molbench.training.pretrain import pretrain

# Exports are imported on first use, so that the command line starts without torch.
_EXPORTS = {
    "Catalogue": "molbench.spec.catalogue",
    "Checkpoint": "molbench.training.checkpoint",
    "Store": "molbench.data.read.store",
    "compare": "molbench.evaluation.comparison.compare",
    "evaluate": "molbench.evaluation",
    "load_dataset": "molbench.data.build.load",
    "pretrain": "molbench.training.pretrain",
}

__all__ = [
    "Catalogue",
    "Checkpoint",
    "Store",
    "__version__",
    "compare",
    "evaluate",
    "list_tasks",
    "load_dataset",
    "pretrain",
]


def list_tasks(pattern: str = "*/*") -> list[str]:
    """Ids of the tasks that match a glob pattern; see ``Catalogue.tasks``."""
    from molbench.spec.catalogue import Catalogue

    return [ref.id for ref in Catalogue.load().tasks([pattern])]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'molbench' has no attribute '{name}'")
    return getattr(import_module(_EXPORTS[name]), name)
