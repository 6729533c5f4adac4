"""Stopping between two steps instead of inside one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from molbench.executors.base import InterruptedWorkError


class InterruptedTrainingError(InterruptedWorkError):
    """Training was stopped by a signal after its state had been saved."""


@contextmanager
def stop_requests(enabled: bool) -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT or SIGTERM into a request that the block asks for; a second one acts as usual.

    Args:
        enabled: Whether to listen at all. Outside the main thread Python does not allow it: nothing changes.

    Yields:
        A function that says whether a signal has come.
    """
    came = False
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        restore()

    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        restore()
