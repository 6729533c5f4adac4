"""What an evaluation would do, found out without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.candidates.base import NotApplicable, Refusal
from molbench.evaluation.execute import Workspace
from molbench.evaluation.perform import finished_results, make_jobs
from molbench.evaluation.plan import MissingData, Plan, Run
from molbench.evaluation.result import Stored, result_files
from molbench.evaluation.trial import Trials
from molbench.training.machine import peak_memory


@dataclass(frozen=True)
class PlannedRuns:
    """The runs of one model on one task.

    Attributes:
        model: Name of the model.
        task: Id of the task.
        protocol: How it is scored.
        runs: Their number, one a seed.
        cached: How many have a result that is used again.
        seconds: Estimated time of the others, one after the other; None where nothing tells.
        source: What the estimate is from: ``results`` like these, or a ``trial`` of some steps.
    """

    model: str
    task: str
    protocol: str
    runs: int
    cached: int
    seconds: float | None
    source: str


@dataclass(frozen=True)
class Forecast:
    """A plan with what it costs.

    Attributes:
        rows: Runs by model and task.
        not_applicable: Models and tasks that do not go together, and why.
        missing: Datasets that are not built here, with the commands that build them.
        refusals: Models and tasks that are left out since something is wrong with them.
        memory: MiB that this process took in its trials, which each worker takes too.
    """

    rows: list[PlannedRuns]
    not_applicable: list[NotApplicable]
    missing: list[MissingData]
    refusals: list[Refusal]
    memory: float

    def __repr__(self) -> str:
        later = f"the others about {self.seconds:.0f} s"
        return f"<Forecast: {self.runs} runs, {self.cached} there already, {later}>"

    @property
    def runs(self) -> int:
        """All runs."""
        return sum(row.runs for row in self.rows)

    @property
    def cached(self) -> int:
        """Those that have a result already."""
        return sum(row.cached for row in self.rows)

    @property
    def seconds(self) -> float:
        """Estimated time of the others one after the other, of those that have an estimate."""
        return sum(row.seconds or 0.0 for row in self.rows)


def forecast(planned: Plan, output: Path) -> Forecast:
    """Estimate a plan.

    Args:
        planned: The plan.
        output: Folder of results, whose times are used where there are any like these.
    """
    finished = finished_results(planned.runs, keep=True)
    known, trials = _known_seconds(output), Trials(Workspace())
    pending = [run for run in planned.runs if run.folder not in finished]
    estimates: dict[Path, tuple[float | None, str]] = {}
    for job in make_jobs(pending):
        estimates |= _of_job(job, known, trials)
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in planned.runs:
        groups.setdefault((run.candidate.name, run.task.id), []).append(run)
    rows = []
    for (model, task), runs in groups.items():
        todo = [estimates[run.folder] for run in runs if run.folder in estimates]
        seconds = [value for value, _ in todo if value is not None]
        rows.append(
            PlannedRuns(
                model,
                task,
                runs[0].protocol.name,
                len(runs),
                len(runs) - len(todo),
                sum(seconds) if len(seconds) == len(todo) else None,
                todo[0][1] if todo else "",
            )
        )
    return Forecast(rows, planned.not_applicable, planned.missing, planned.refusals, peak_memory())


def _of_job(
    job: Sequence[Run], known: dict[tuple[str, ...], float], trials: Trials
) -> dict[Path, tuple[float | None, str]]:
    """Estimates of runs that share vectors; the first of them has the time to make these."""
    estimates: dict[Path, tuple[float | None, str]] = {}
    for i, run in enumerate(job):
        if (seconds := known.get(_like(run.candidate.name, run.task.id, run.protocol.name))) is not None:
            estimates[run.folder] = (seconds, "results")
        else:
            try:
                seconds = trials.seconds(run, first=i == 0)
                estimates[run.folder] = (seconds, "" if seconds is None else "trial")
            except UserError as error:
                estimates[run.folder] = (None, str(error))
    return estimates


def _known_seconds(output: Path) -> dict[tuple[str, ...], float]:
    """Mean time of stored results by model, task and protocol."""
    times: dict[tuple[str, ...], list[float]] = {}
    if output.is_dir():
        for path in result_files(output):
            try:
                result = Stored.read(path.parent).result
            except UserError:
                continue
            key = _like(result.checkpoint.name, result.task.id, result.protocol.name)
            times.setdefault(key, []).append(result.seconds.get("run", 0.0))
    return {key: sum(values) / len(values) for key, values in times.items()}


def _like(*names: str) -> tuple[str, ...]:
    return names
