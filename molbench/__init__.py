"""molbench: standard molecular datasets, pretraining methods and one way to score them."""

from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from molbench.data.build.load import load_dataset
    from molbench.data.read.store import Store
    from molbench.data.read.views import pyg_dataset, torch_dataset
    from molbench.evaluation import Report, dry_run, evaluate
    from molbench.evaluation.comparison.compare import Comparison, compare
    from molbench.evaluation.encode import embed
    from molbench.evaluation.external.conformance import check_model
    from molbench.evaluation.external.encoder import Limits
    from molbench.evaluation.external.standalone import Molecule
    from molbench.evaluation.handed_in.score import score_predictions
    from molbench.evaluation.handed_in.template import predictions_template
    from molbench.spec.catalogue import Catalogue
    from molbench.training.checkpoint import Checkpoint
    from molbench.training.hub import load_checkpoint
    from molbench.training.pretrain import pretrain

# Exports are imported on first use, so that the command line starts without torch.
_EXPORTS = {
    "Catalogue": "molbench.spec.catalogue",
    "Checkpoint": "molbench.training.checkpoint",
    "Comparison": "molbench.evaluation.comparison.compare",
    "Limits": "molbench.evaluation.external.encoder",
    "Molecule": "molbench.evaluation.external.standalone",
    "Report": "molbench.evaluation",
    "Store": "molbench.data.read.store",
    "check_model": "molbench.evaluation.external.conformance",
    "compare": "molbench.evaluation.comparison.compare",
    "dry_run": "molbench.evaluation",
    "embed": "molbench.evaluation.encode",
    "evaluate": "molbench.evaluation",
    "load_dataset": "molbench.data.build.load",
    "load_checkpoint": "molbench.training.hub",
    "predictions_template": "molbench.evaluation.handed_in.template",
    "pretrain": "molbench.training.pretrain",
    "pyg_dataset": "molbench.data.read.views",
    "score_predictions": "molbench.evaluation.handed_in.score",
    "torch_dataset": "molbench.data.read.views",
}

__all__ = [
    "Catalogue",
    "Checkpoint",
    "Comparison",
    "Limits",
    "Molecule",
    "Report",
    "Store",
    "__version__",
    "check_model",
    "compare",
    "dry_run",
    "embed",
    "evaluate",
    "list_backbones",
    "list_datasets",
    "list_methods",
    "list_protocols",
    "list_suites",
    "list_tasks",
    "load_checkpoint",
    "load_dataset",
    "predictions_template",
    "pretrain",
    "pyg_dataset",
    "score_predictions",
    "torch_dataset",
]


def list_tasks(pattern: str = "*/*") -> list[str]:
    """Ids of the tasks that match a glob pattern; see ``Catalogue.tasks``.

    Examples:
        >>> import molbench
        >>> molbench.list_tasks("xtb-spectra/*")
        ['xtb-spectra/uv', 'xtb-spectra/ir', 'xtb-spectra/raman']
    """
    from molbench.spec.catalogue import Catalogue

    return [ref.id for ref in Catalogue.load().tasks([pattern])]


def list_datasets(pattern: str = "*") -> list[str]:
    """Ids of the datasets of the catalogue, and of those that were built here.

    Examples:
        >>> import molbench
        >>> molbench.list_datasets("xtb-*")
        ['xtb-dimers', 'xtb-dynamics', 'xtb-molecules', 'xtb-solvation', 'xtb-spectra']
    """
    from molbench.spec.catalogue import Catalogue

    return _matching(Catalogue.load().entries, pattern)


def list_suites(pattern: str = "*") -> list[str]:
    """Names of the suites: lists of tasks.

    Examples:
        >>> import molbench
        >>> molbench.list_suites("mrl-grid*")
        ['mrl-grid', 'mrl-grid-paper']
    """
    from molbench.spec.catalogue import Catalogue

    return _matching(Catalogue.load().suites, pattern)


def list_methods(pattern: str = "*") -> list[str]:
    """Names of the pretraining methods.

    Examples:
        >>> import molbench
        >>> molbench.list_methods("geossl-*")
        ['geossl-ddm', 'geossl-ebm-nce', 'geossl-infonce', 'geossl-rr']
    """
    from molbench.methods import METHODS

    return _matching(METHODS, pattern)


def list_backbones(pattern: str = "*") -> list[str]:
    """Names of the backbones.

    Examples:
        >>> import molbench
        >>> molbench.list_backbones("*net*")
        ['dimenet++', 'schnet', 'visnet']
    """
    from molbench.backbones import BACKBONES

    return _matching(BACKBONES, pattern)


def list_protocols(pattern: str = "*") -> list[str]:
    """Names of the protocols that come with the package.

    Examples:
        >>> import molbench
        >>> molbench.list_protocols("*mrl")
        ['3dmrl']
    """
    from molbench.evaluation.protocols import load_protocols

    return _matching(load_protocols(), pattern)


def _matching(names: Any, pattern: str) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern)]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'molbench' has no attribute '{name}'")
    return getattr(import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return __all__
