"""Evaluation: plan the runs, predict, score; every score can be computed again from stored predictions."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.evaluation.candidates.base import Candidate, NotApplicable
    from molbench.evaluation.harness import dry_run, evaluate
    from molbench.evaluation.plan import Run
    from molbench.evaluation.predictions import Predictions
    from molbench.evaluation.report import Report, RunOutcome, Watcher
    from molbench.evaluation.result import Result, read_results
    from molbench.evaluation.summary import SummaryRow, summarise

#: Raised whenever a change of the code changes scores; it is part of every result's key.
EVALUATION_VERSION = 2

_LAZY = {
    "Candidate": "candidates.base",
    "SummaryRow": "summary",
    "NotApplicable": "candidates.base",
    "RunOutcome": "report",
    "Predictions": "predictions",
    "Report": "report",
    "Result": "result",
    "Run": "plan",
    "Watcher": "report",
    "dry_run": "harness",
    "evaluate": "harness",
    "read_results": "result",
    "summarise": "summary",
}

__all__ = [
    "EVALUATION_VERSION",
    "Candidate",
    "NotApplicable",
    "Predictions",
    "Report",
    "Result",
    "Run",
    "RunOutcome",
    "SummaryRow",
    "Watcher",
    "dry_run",
    "evaluate",
    "read_results",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
