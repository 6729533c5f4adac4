"""The runs of a plan: which results are there already, and how the others come about."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from molbench.atomic import sweep
from molbench.errors import UserError
from molbench.evaluation.candidates.base import EXTERNAL, NotApplicable, NotApplicableError
from molbench.evaluation.execute import Workspace
from molbench.evaluation.labels import undefined
from molbench.evaluation.plan import Plan, Run
from molbench.evaluation.report import Report, RunOutcome, Watcher
from molbench.evaluation.result import RESULT_FILE, CheckpointEntry, Stored, find_result, result_files
from molbench.evaluation.summary import summarise
from molbench.evaluation.trust import Trust
from molbench.evaluation.work import remove_locks, work_unit
from molbench.executors import EXECUTORS
from molbench.executors.base import Executor, Message, Unit, describe
from molbench.spec.catalogue import Catalogue
from molbench.training.loop import StepReport

#: Seconds before it is asked again whether another process has finished a run.
_WAIT = 1.0


def perform(
    planned: Plan, output: Path, executor: Executor, watcher: Watcher, *, here_if_one: bool = False
) -> Report:
    """Score what has no result yet.

    Args:
        planned: The plan.
        output: Folder of the results.
        executor: Where runs are executed.
        watcher: Told how it gets on.
        here_if_one: Whether a single job is done in this process, whatever the executor.

    Raises:
        UserError: If there is nothing to do at all, other weights have results of the same name, or labels
            leave every task undefined; a task alone is not applicable then. A run that fails is a failure in
            the report.
    """
    runs = planned.runs
    refuse_nothing(planned)
    for folder in {run.folder.parent for run in runs}:
        sweep(folder)
    refuse_others(runs, output)
    finished = finished_results(runs)
    watcher.planned(len(runs), len(finished))
    outcomes = []
    pending = [run for run in runs if run.folder not in finished]
    unfit = _undefined(pending)
    if unfit and len(unfit) == len(runs):
        raise UserError("\n".join(dict.fromkeys(str(outcome.not_applicable) for outcome in unfit)))
    left = {outcome.run.folder for outcome in unfit}
    for outcome in (*unfit, *_unprepared([run for run in pending if run.folder not in left])):
        watcher.done(outcome)
        outcomes.append(outcome)
    over = {outcome.run.folder for outcome in outcomes}
    if jobs := make_jobs([run for run in pending if run.folder not in over]):
        engine = EXECUTORS["inline"]() if here_if_one and len(jobs) == 1 else executor
        for outcome in _execute(jobs, output, engine, watcher):
            watcher.done(outcome)
            outcomes.append(outcome)
    fresh = {outcome.run.folder: outcome.stored for outcome in outcomes if outcome.stored is not None}
    stored = finished | fresh
    results = [stored[run.folder] for run in runs if run.folder in stored]
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    others = {
        (outcome.run.candidate.name, outcome.run.task.id): outcome.not_applicable
        for outcome in outcomes
        if outcome.not_applicable is not None
    }
    if (
        planned.shard is not None and not failures and not planned.refusals
    ):  # what has no result then is not applicable
        planned.shard.of({str(folder.relative_to(output)) for folder in stored}).write(output)
    found_out = [NotApplicable(*pair, reason) for pair, reason in others.items()]
    others_told = planned.not_applicable + found_out
    return Report(summarise(results), results, failures, len(finished), others_told, planned.refusals)


def _undefined(runs: Sequence[Run]) -> list[RunOutcome]:
    """Those runs whose labels leave a metric undefined or teach nothing, with all folds of such a task."""
    folds = {(run.task.id, run.task.split_name): run.task for run in runs}
    reasons: dict[str, str] = {}
    for task in folds.values():
        if task.id not in reasons and (reason := undefined(task)) is not None:
            reasons[task.id] = reason
    return [
        RunOutcome(run, None, not_applicable=reasons[run.task.id]) for run in runs if run.task.id in reasons
    ]


def _unprepared(runs: Sequence[Run]) -> Iterator[RunOutcome]:
    """Let candidates do what only this process can; outcomes of runs that end with it.

    A model that has failed on records is not asked for their vectors again.
    """
    workspace = Workspace()
    failed: dict[tuple[str, str], RunOutcome] = {}
    for run in runs:
        shared = (run.candidate.name, run.data.digest if run.shares_vectors else str(run.folder))
        if (outcome := failed.get(shared) or _preparation(run, workspace)) is not None:
            failed[shared] = outcome
            yield replace(outcome, run=run)


def _preparation(run: Run, workspace: Workspace) -> RunOutcome | None:
    """How a run ends before it is executed, or None where it can be."""
    try:
        run.candidate.prepare(run, workspace)
    except NotApplicableError as error:
        return RunOutcome(run, None, not_applicable=str(error))
    except UserError as error:
        return RunOutcome(run, None, str(error))
    except Exception as error:  # noqa: BLE001 - a model of somebody else's may raise anything
        return RunOutcome(run, None, describe(error))
    return None


def refuse_nothing(planned: Plan) -> None:
    """A plan without any run is a mistake, but for the last of more shards than there is work for."""
    if not planned.runs and planned.shard is None:
        if planned.missing and not planned.not_applicable:
            raise UserError("none of the datasets is built here:\n" + "\n".join(map(str, planned.missing)))
        reasons = [f"  {n.candidate} on {n.task}: {n.reason}" for n in planned.not_applicable]
        reasons += [f"  {refusal}" for refusal in planned.refusals]
        raise UserError("no task is one for any of the models:\n" + "\n".join(reasons))


def refuse_others(runs: Sequence[Run], output: Path) -> None:
    """Another checkpoint that has the name of an earlier one must not stand among its results."""
    trained = [run for run in runs if not run.candidate.is_baseline]
    folders = {output / run.candidate.name: run for run in trained} | {run.folder: run for run in trained}
    for folder, run in folders.items():
        entry = _first_entry(folder)
        if entry is not None and entry.encoder_digest != run.encoder_digest:
            foreign = entry.backbone == EXTERNAL  # whose code counts, too
            what, remedy = ("weights or code", "model") if foreign else ("weights", "checkpoint")
            raise UserError(
                f"{folder} holds a result of other {what} that were called '{run.candidate.name}', too; "
                f"rename the {remedy}, or choose another --output"
            )


def _first_entry(folder: Path) -> CheckpointEntry | None:
    """Whose results lie in a folder, by the first that can be read."""
    for path in result_files(folder) if folder.is_dir() else ():
        try:
            return Stored.read(path.parent).result.checkpoint
        except UserError:
            continue
    return None


def finished_results(runs: Sequence[Run], *, keep: bool = False) -> dict[Path, Stored]:
    """Results of runs that are there and hold; one that does not is made again.

    Args:
        runs: Runs of a plan.
        keep: Whether such a one is left where it is.
    """
    trust, finished = Trust(Catalogue.load(), {run.protocol.name: run.protocol for run in runs}), {}
    for run in runs:
        if (stored := find_result(run.folder, run.key)) is not None:
            try:
                finished[run.folder] = trust.check(stored)
            except UserError:
                if keep:
                    continue
                (stored.folder / RESULT_FILE).unlink()
    return finished


def make_jobs(runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs that share the vectors of a frozen encoder; every other run is a job of its own."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = (run.encoder_digest, run.data.digest) if run.shares_vectors else (str(run.folder),)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def _execute(
    jobs: Sequence[Sequence[Run]], output: Path, executor: Executor, watcher: Watcher
) -> Iterator[RunOutcome]:
    """Outcomes of all runs; those that another evaluation is at are asked for again after the others."""
    by_key = {str(run.folder): run for job in jobs for run in job}
    groups = [[work_unit(run, output, str(job[0].folder)) for run in job] for job in jobs]

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
                if done.error is None and done.value["not_applicable"]:
                    yield RunOutcome(run, None, not_applicable=done.value["not_applicable"])
                    continue
                stored = find_result(run.folder, run.key) if done.error is None else None
                lost = None if stored or done.error else "its result is not there or cannot be read"
                yield RunOutcome(run, stored, done.error or lost)
            if len(busy) == len(units):
                time.sleep(_WAIT)
            groups = busy
    finally:
        remove_locks(output)
