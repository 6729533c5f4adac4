"""What an evaluation came to, and who is told how it gets on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from molbench.evaluation.candidates.base import NotApplicable
from molbench.evaluation.plan import Run
from molbench.evaluation.result import Stored
from molbench.evaluation.summary import SummaryRow
from molbench.training.loop import StepReport


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: with a result, or with the reason why there is none.

    Attributes:
        run: The run.
        stored: Its result.
        error: Why it failed.
        not_applicable: Why its task turned out to be none for its candidate.
    """

    run: Run
    stored: Stored | None
    error: str | None = None
    not_applicable: str | None = None


@dataclass(frozen=True)
class Report:
    """What an evaluation came to.

    Attributes:
        cells: One score a candidate and task, over its seeds.
        results: The results on disk behind them.
        failures: Runs without a result, and why.
        reused: How many results were there already.
        not_applicable: Candidates and tasks that do not go together, and why.
    """

    cells: list[SummaryRow]
    results: list[Stored]
    failures: list[RunOutcome]
    reused: int
    not_applicable: list[NotApplicable] = field(default_factory=list)


@dataclass(frozen=True)
class Watcher:
    """Who is told how an evaluation gets on; the default is nobody.

    Attributes:
        planned: Told the number of runs, and how many of them have a result already.
        step: Told of training steps.
        done: Told of every outcome.
        told: Told what a model of somebody else's does, before anything is trained.
    """

    planned: Callable[[int, int], None] = lambda _total, _reused: None
    step: Callable[[Run, StepReport], None] = lambda _run, _report: None
    done: Callable[[RunOutcome], None] = lambda _outcome: None
    told: Callable[[str], None] = lambda _text: None
