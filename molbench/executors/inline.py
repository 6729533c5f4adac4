"""One unit after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import ClassVar

from molbench.executors.base import Done, Executor, Message, Unit, perform_unit


class Inline(Executor):
    """For one unit, for an accelerator that this process holds, and for looking on with a debugger.

    There is no other process that could be lost or be given up, so time limit and retries are refused.
    """

    name = "inline"
    apart: ClassVar[bool] = False

    def run(
        self,
        groups: Sequence[Sequence[Unit]],
        listen: Callable[[str, Message], None] = lambda _key, _message: None,
    ) -> Generator[Done, None, None]:
        """See :meth:`Executor.run`."""
        for group in groups:
            for unit in group:
                yield perform_unit(unit, partial(listen, unit.key))
