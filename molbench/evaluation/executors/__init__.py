"""Where runs are executed: one file with an :class:`Executor` each.

Other packages add theirs through the entry-point group ``molbench.executors``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.evaluation.plan import Run
    from molbench.evaluation.result import Stored
    from molbench.training.loop import StepReport

#: Runs that share a frozen encoder and records, and so are executed one after the other in one process.
Job = Sequence["Run"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: with a result, or with the reason why there is none."""

    run: Run
    stored: Stored | None
    error: str | None = None


class Executor(ABC):
    """Executes jobs somewhere.

    Class attributes:
        name: As in ``--executor``.
    """

    name: ClassVar[str]

    @abstractmethod
    def run(self, jobs: Sequence[Job], on_step: Callable[[Run, StepReport], None]) -> Iterator[Outcome]:
        """Yield the outcome of every run as it becomes known, in any order.

        Args:
            jobs: What to execute; each job goes to one process.
            on_step: Told of training steps where the executor can see them.
        """


EXECUTORS: Registry[type[Executor]] = Registry("executor", __name__, "molbench.executors")
