"""``molbench.evaluate``: every checkpoint on every task with every seed, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from molbench.errors import UserError
from molbench.evaluation.candidate import Candidate, gather
from molbench.evaluation.executors import EXECUTORS, Job, Outcome
from molbench.evaluation.fingerprint import unfit
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import Stored, find
from molbench.evaluation.summary import Cell, summarise
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol
from molbench.training.loop import StepReport

DEFAULT_SUITE = "embedded"


@dataclass(frozen=True)
class Report:
    """What an evaluation came to.

    Attributes:
        cells: One score a candidate and task, over its seeds.
        results: The results on disk behind them.
        failures: Runs without a result, and why.
        reused: How many results were there already.
        skipped: Tasks the fingerprint baseline cannot do, and why.
    """

    cells: list[Cell]
    results: list[Stored]
    failures: list[Outcome]
    reused: int
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Watcher:
    """Who is told how an evaluation gets on; the default is nobody.

    Attributes:
        planned: Told the number of runs, and how many of them have a result already.
        step: Told of training steps.
        done: Told of every outcome.
    """

    planned: Callable[[int, int], None] = lambda _total, _reused: None
    step: Callable[[Run, StepReport], None] = lambda _run, _report: None
    done: Callable[[Outcome], None] = lambda _outcome: None


def evaluate(
    checkpoints: Sequence[Path | str],
    tasks: Sequence[str] | None = None,
    *,
    suite: str | None = None,
    protocol: str | Protocol = "probe",
    seeds: int = 3,
    output: Path | str = "results",
    scratch: bool = True,
    fingerprint: bool = False,
    executor: str | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Score checkpoints; results that are there already and still valid are used again.

    Args:
        checkpoints: Files; none where the fingerprint baseline is scored alone.
        tasks: Glob patterns over task ids.
        suite: Name of a suite; the embedded one where neither tasks nor a suite are given.
        protocol: Name, path of a YAML file, or the protocol itself.
        seeds: Number of seeds, 0 … seeds - 1.
        output: Folder of the results.
        scratch: Whether to score the same backbones with random weights, too.
        fingerprint: Whether to score boosted trees on fingerprints, too, where a task has SMILES.
        executor: Where to run; None takes processes on a CPU and this process on a GPU.
        watcher: Told how it gets on.

    Raises:
        UserError: If a name, file or dataset is missing or wrong. A run that fails is no error but a failure
            in the report.
    """
    if not checkpoints and not fingerprint:
        raise UserError(
            "nothing to score: give a checkpoint, which `molbench pretrain` makes, or ask for --fingerprint"
        )
    if seeds < 1:
        raise UserError("at least one seed is needed")
    if not tasks and suite is None:
        suite = DEFAULT_SUITE
    refs = Catalogue.load().tasks(tasks, suite)
    resolved = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    candidates: list[Candidate | Boosting] = [*gather([Path(path) for path in checkpoints], scratch)]
    if fingerprint:
        candidates.append(Boosting())
    runs = plan(candidates, refs, resolved, range(seeds), Path(output))
    finished = {run.folder: stored for run in runs if (stored := find(run.folder, run.key)) is not None}
    watcher = watcher or Watcher()
    watcher.planned(len(runs), len(finished))
    outcomes = []
    if jobs := make_jobs([run for run in runs if run.folder not in finished]):
        name = executor or ("local" if torch.cuda.is_available() or len(jobs) == 1 else "process")
        for outcome in EXECUTORS[name]().run(jobs, watcher.step):
            watcher.done(outcome)
            outcomes.append(outcome)
    fresh = {outcome.run.folder: outcome.stored for outcome in outcomes if outcome.stored is not None}
    found = finished | fresh
    results = [found[run.folder] for run in runs if run.folder in found]
    failures = [outcome for outcome in outcomes if outcome.stored is None]
    skipped = {task.id: why for task in refs if fingerprint and (why := unfit(task))}
    return Report(summarise(results), results, failures, len(finished), skipped)


def make_jobs(runs: Sequence[Run]) -> list[Job]:
    """Group runs that share the vectors of a frozen encoder; every other run is a job of its own."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        shares = run.protocol.kind == "probe" and run.task.task.kind != "forces"
        groups.setdefault((run.identity, run.data.digest) if shares else (str(run.folder),), []).append(run)
    return list(groups.values())
