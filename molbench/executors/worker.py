"""A process that executes units: ``python -m molbench.executors.worker``, spoken to in lines of JSON.

It reads one unit a line from its standard input and writes messages and the end of each unit to its standard
output; what the work itself prints goes to standard error. When its input ends its parent is gone or has no
more work, and it ends at once, in the middle of a unit too.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from dataclasses import asdict
from typing import TextIO

from molbench.executors.base import (
    Done,
    InterruptedWorkError,
    Listener,
    Message,
    Unit,
    describe,
    perform_unit,
)

_PAUSE = 0.1


def main() -> None:
    """Execute units until the input ends."""
    # Whatever prints must not be taken for a message.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    units: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, units), daemon=True).start()
    while True:
        unit = Unit(**json.loads(units.get()))
        try:
            done = perform_unit(unit, _listener(channel))
            json.dumps(done.value)
        except InterruptedWorkError as error:
            _write(channel, {"done": asdict(Done(unit.key, error=str(error)))})
            return
        except (TypeError, ValueError) as error:
            done = Done(unit.key, error=f"its result cannot be sent: {describe(error)}")
        _write(channel, {"done": asdict(done)})


def _listener(channel: TextIO) -> Listener:
    """Messages are for people: of those that follow each other too fast to be read, the first is sent."""
    last = 0.0

    def listen(message: Message) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _PAUSE:
            last = now
            _write(channel, {"message": dict(message)})

    return listen


def _read(stream: TextIO, units: queue.SimpleQueue[str]) -> None:
    for line in stream:
        units.put(line)
    os._exit(0)


def _write(channel: TextIO, content: Message) -> None:
    try:
        channel.write(json.dumps(content) + "\n")
    except BrokenPipeError:  # nobody waits for the rest
        os._exit(1)


if __name__ == "__main__":
    main()
