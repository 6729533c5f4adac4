"""Jobs of a Slurm cluster, one a group of units or several, through submitit."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from shutil import which
from typing import Any, ClassVar

from typing_extensions import override

from molbench.errors import UserError, error_line, quoted
from molbench.executors.base import (
    Done,
    Executor,
    InterruptedWorkError,
    Message,
    SubmittedWorkError,
    Unit,
    perform_unit,
)
from molbench.executors.interpreter import interpreter_line

_TICK = 2.0


class Slurm(Executor):
    """An array job; the machines must see the same files. Training steps are not told.

    Waiting can be interrupted: jobs go on, and the same command later finds what they have stored.
    """

    name = "slurm"
    needs = ("submitit",)
    known: ClassVar[Mapping[str, str]] = {
        "folder": "Where scripts and logs of the jobs go; slurm-jobs by default.",
        "partition": "Partition of the jobs.",
        "account": "Account that is charged.",
        "cpus": "Processors of one job.",
        "gpus": "Accelerators of one job.",
        "memory": "Memory of one job, such as 8GB.",
        "minutes": "Time of one job; by default the time limit of all its units.",
        "jobs": "Most jobs, among which the units are dealt out; by default one for all that share vectors.",
        "wait": "no: submit and leave; the same command later collects. Default: yes.",
    }

    counts: ClassVar[Mapping[str, type[int] | type[float]]] = dict.fromkeys(
        ("cpus", "gpus", "minutes", "jobs"), int
    )

    def __post_init__(self) -> None:
        """See :class:`Executor`."""
        super().__post_init__()
        if (wait := self.options.get("wait", "yes")) not in {"yes", "no"}:
            raise UserError(f"option 'wait' of executor '{self.name}': {quoted(wait)} is neither yes nor no")

    @override
    def require(self) -> None:
        if missing := [program for program in ("sbatch", "srun") if which(program) is None]:
            raise UserError(
                f"no Slurm here: no program {' or '.join(missing)}; jobs are submitted on a machine of the "
                "cluster, where these are on PATH"
            )

    def run(
        self,
        groups: Sequence[Sequence[Unit]],
        listen: Callable[[str, Message], None] = lambda _key, _message: None,  # noqa: ARG002
    ) -> Generator[Done, None, None]:
        """See :meth:`Executor.run`."""
        import submitit

        self.require()
        jobs = self._dealt([list(group) for group in groups if group])
        folder = Path(self.options.get("folder", "slurm-jobs"))
        engine = submitit.SlurmExecutor(folder, max_num_timeout=self.retries, python=interpreter_line())
        engine.update_parameters(**self._parameters(max(map(len, jobs), default=1)))
        try:
            with engine.batch():
                submitted = [engine.submit(_execute, [asdict(unit) for unit in group]) for group in jobs]
        except submitit.core.utils.FailedJobError as error:
            raise UserError(f"Slurm refused the jobs: {error_line(error)}") from error
        if submitted and self.options.get("wait") == "no":
            first, units = submitted[0].job_id.partition("_")[0], sum(map(len, jobs))
            raise SubmittedWorkError(
                f"submitted as {first}: {len(jobs):,} jobs for {units:,} runs; the same command collects "
                "what they came to"
            )
        waiting = dict(zip(submitted, jobs, strict=True))
        while waiting:
            for job in [job for job in waiting if job.done()]:
                yield from _outcome(job, waiting.pop(job))
            if waiting:
                time.sleep(_TICK)

    def _dealt(self, groups: list[list[Unit]]) -> list[list[Unit]]:
        """Units of each job; groups stay together."""
        most = int(self.options.get("jobs", len(groups)))
        return [list(chain.from_iterable(groups[start::most])) for start in range(min(most, len(groups)))]

    def _parameters(self, units: int) -> dict[str, Any]:
        given = self.options
        minutes = given.get("minutes") or (self.time_limit and -(-self.time_limit * units // 60)) or 60
        parameters = {
            "job_name": "molbench",
            "time": int(minutes),
            "cpus_per_task": int(given.get("cpus", 1)),
            "array_parallelism": self.workers or 256,
            "gpus_per_node": int(given["gpus"]) if "gpus" in given else None,
            "mem": given.get("memory"),
            "partition": given.get("partition"),
            "account": given.get("account"),
        }
        return {name: value for name, value in parameters.items() if value is not None}


def _execute(units: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The units of one job, on the machine that Slurm chose."""
    done = []
    for unit in units:
        made = Unit(**unit)
        try:
            done.append(asdict(perform_unit(made, lambda _message: None)))
        except InterruptedWorkError as error:
            done.append(asdict(Done(made.key, error=str(error))))
            break
    return done


def _outcome(job: Any, group: list[Unit]) -> Generator[Done, None, None]:
    try:
        ended = {item["key"]: Done(**item) for item in job.result()}
        lost = "its job was stopped before its turn"
    except Exception as error:  # noqa: BLE001 - submitit raises what the job raised, or what it makes of its loss
        ended = {}
        lost = f"job {job.job_id}: {' '.join(str(error).split())[:300]}"
    for unit in group:
        yield ended.get(unit.key) or Done(unit.key, error=lost)
