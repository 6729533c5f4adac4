"""One run after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from molbench.errors import UserError
from molbench.evaluation.execute import Workspace, execute
from molbench.evaluation.executors import Executor, Job, Outcome
from molbench.evaluation.plan import Run
from molbench.training.interrupt import InterruptedTrainingError
from molbench.training.loop import StepReport


class Local(Executor):
    """In this process."""

    name = "local"

    def run(self, jobs: Sequence[Job], on_step: Callable[[Run, StepReport], None]) -> Iterator[Outcome]:
        """Execute everything here; a run that fails for a reason the user can mend stops no other."""
        for job in jobs:
            workspace = Workspace()
            for run in job:
                try:
                    yield Outcome(run, execute(run, workspace, partial(on_step, run)))
                except InterruptedTrainingError:
                    raise
                except UserError as error:
                    yield Outcome(run, None, str(error))
