"""Several processes on this machine, one job each, with the processor's threads shared out between them.

Models of this field are small: two processes with one thread each do far more than one process with two.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from molbench.evaluation.executors import Executor, Job, Outcome
from molbench.evaluation.plan import Run
from molbench.training.loop import StepReport


class Process(Executor):
    """In as many processes as there are processors."""

    name = "process"

    def run(self, jobs: Sequence[Job], on_step: Callable[[Run, StepReport], None]) -> Iterator[Outcome]:  # noqa: ARG002
        """Execute jobs in as many processes as there are processors; outcomes come when a job is complete."""
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = max(1, min(processors, len(jobs)))
        pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare,
            initargs=(max(1, processors // workers),),
        )
        try:
            for future in as_completed([pool.submit(_execute, job) for job in jobs]):
                yield from future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _prepare(threads: int) -> None:
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from molbench.training.allocator import tune_allocator

    tune_allocator()
    torch.set_num_threads(threads)
    threadpool_limits(threads)


def _execute(job: Job) -> list[Outcome]:
    from molbench.evaluation.executors.local import Local

    return list(Local().run([job], lambda _run, _report: None))
