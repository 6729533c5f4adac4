"""``molbench.evaluate``: every checkpoint on every task with every seed, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from molbench.atomic import sweep
from molbench.errors import UserError
from molbench.evaluation.candidate import Candidate, gather
from molbench.evaluation.fingerprint import unfit
from molbench.evaluation.labels import refuse_undefined
from molbench.evaluation.plan import Run, plan
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.result import RESULT_FILE, Stored, find
from molbench.evaluation.summary import SummaryRow, summarise
from molbench.evaluation.trust import Trust
from molbench.evaluation.work import remove_locks, unit_of
from molbench.executors import EXECUTORS
from molbench.executors.base import Executor, Message, Unit
from molbench.spec.catalogue import Catalogue
from molbench.spec.fingerprint import Boosting
from molbench.spec.protocol import Protocol
from molbench.training.loop import StepReport

DEFAULT_SUITE = "embedded"
#: Seconds before it is asked again whether another process has finished a run.
_WAIT = 1.0


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: with a result, or with the reason why there is none."""

    run: Run
    stored: Stored | None
    error: str | None = None


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

    cells: list[SummaryRow]
    results: list[Stored]
    failures: list[RunOutcome]
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
    done: Callable[[RunOutcome], None] = lambda _outcome: None


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
    workers: int | None = None,
    time_limit: float | None = None,
    retries: int = 0,
    options: Mapping[str, str] | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Score checkpoints; results that are there already and still valid are used again.

    Several evaluations may write into one folder at once, on several machines too: they share the runs.

    Args:
        checkpoints: Files; none where the fingerprint baseline is scored alone.
        tasks: Glob patterns over task ids.
        suite: Name of a suite; the embedded one where neither tasks nor a suite are given.
        protocol: Name, path of a YAML file, or the protocol itself.
        seeds: Number of seeds, 0 … seeds - 1.
        output: Folder of the results.
        scratch: Whether to score the same backbones with random weights, too.
        fingerprint: Whether to score boosted trees on fingerprints, too, where a task has SMILES.
        executor: Where to run, see ``molbench.executors``; None takes this process for one job, else others
            on this machine.
        workers: Runs at once; None for as many as there are processors.
        time_limit: Seconds after which a run is given up.
        retries: How often a run is tried again whose process was lost.
        options: Of the executor, such as the partition of a cluster.
        watcher: Told how it gets on.

    Raises:
        UserError: If a name, file or dataset is missing or wrong. A run that fails, for whatever reason, is
            no error but a failure in the report.
    """
    if not checkpoints and not fingerprint:
        raise UserError(
            "nothing to score: give a checkpoint, which `molbench pretrain` makes, or ask for --fingerprint"
        )
    if seeds < 1:
        raise UserError("at least one seed is needed")
    engine = _engine(executor, workers, time_limit, retries, options or {})
    if not tasks and suite is None:
        suite = DEFAULT_SUITE
    catalogue = Catalogue.load()
    refs = catalogue.tasks(tasks, suite)
    resolved = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    candidates: list[Candidate | Boosting] = [*gather([Path(path) for path in checkpoints], scratch)]
    if fingerprint:
        candidates.append(Boosting())
    runs = plan(candidates, refs, resolved, range(seeds), Path(output))
    for folder in {run.folder.parent for run in runs}:
        sweep(folder)
    _refuse_others(runs)
    finished = _finished(runs, catalogue)
    watcher = watcher or Watcher()
    watcher.planned(len(runs), len(finished))
    outcomes = []
    pending = [run for run in runs if run.folder not in finished]
    refuse_undefined(run.task for run in pending)
    if jobs := make_jobs(pending):
        place = EXECUTORS["inline"]() if executor is None and len(jobs) == 1 else engine
        for outcome in _execute(jobs, Path(output), place, watcher):
            watcher.done(outcome)
            outcomes.append(outcome)
    fresh = {outcome.run.folder: outcome.stored for outcome in outcomes if outcome.stored is not None}
    stored = finished | fresh
    results = [stored[run.folder] for run in runs if run.folder in stored]
    failures = [outcome for outcome in outcomes if outcome.stored is None]
    skipped = {task.id: why for task in refs if fingerprint and (why := unfit(task))}
    return Report(summarise(results), results, failures, len(finished), skipped)


def _refuse_others(runs: Sequence[Run]) -> None:
    """Another checkpoint that happens to have the name of an earlier one must not take its results' place."""
    for run in runs:
        if isinstance(run.candidate, Boosting) or run.candidate.is_scratch:
            continue
        try:
            entry = Stored.read(run.folder).result.checkpoint
        except UserError:
            continue
        if entry.identity != run.identity:
            raise UserError(
                f"{run.folder} holds a result of other weights that were called '{run.candidate.name}', too; "
                "rename the checkpoint, or choose another --output"
            )


def _finished(runs: Sequence[Run], catalogue: Catalogue) -> dict[Path, Stored]:
    """Results of runs that are there and hold; one that does not is made again."""
    trust, finished = Trust(catalogue, {run.protocol.name: run.protocol for run in runs}), {}
    for run in runs:
        if (stored := find(run.folder, run.key)) is not None:
            try:
                finished[run.folder] = trust.check(stored)
            except UserError:
                (stored.folder / RESULT_FILE).unlink()
    return finished


def _engine(
    name: str | None,
    workers: int | None,
    time_limit: float | None,
    retries: int,
    options: Mapping[str, str],
) -> Executor:
    """The executor asked for; on a machine with accelerators one worker each, by default."""
    devices = tuple(str(index) for index in range(torch.cuda.device_count()))
    return EXECUTORS[name or "local"](
        workers=workers or len(devices) or None,
        time_limit=time_limit,
        retries=retries,
        devices=devices,
        options=options,
    )


def make_jobs(runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs that share the vectors of a frozen encoder; every other run is a job of its own."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = (run.identity, run.data.digest) if run.shares_vectors else (str(run.folder),)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _execute(
    jobs: Sequence[Sequence[Run]], output: Path, executor: Executor, watcher: Watcher
) -> Iterator[RunOutcome]:
    """Outcomes of all runs; those that another evaluation is at are asked for again after the others."""
    by_key = {str(run.folder): run for job in jobs for run in job}
    groups = [[unit_of(run, output, str(job[0].folder)) for run in job] for job in jobs]

    def listen(key: str, message: Message) -> None:
        watcher.step(by_key[key], StepReport(**message))

    try:
        while groups:
            busy: list[list[Unit]] = []
            units = {unit.key: unit for group in groups for unit in group}
            for done in executor.run(groups, listen):
                run = by_key[done.key]
                if done.error is None and done.value["busy"]:
                    busy.append([units[done.key]])
                    continue
                stored = find(run.folder, run.key) if done.error is None else None
                lost = None if stored or done.error else "its result is not there or cannot be read"
                yield RunOutcome(run, stored, done.error or lost)
            if len(busy) == len(units):
                time.sleep(_WAIT)
            groups = busy
    finally:
        remove_locks(output)
