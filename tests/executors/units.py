"""Functions that workers of the tests execute."""

import os
import signal
import time
from pathlib import Path

from molbench.errors import UserError


def square(arguments, listen):
    listen({"at": arguments["x"]})
    print("what the work prints is no message")  # noqa: T201
    return arguments["x"] ** 2


def wrong(arguments, listen):
    raise UserError("this is wrong")


def broken(arguments, listen):
    return {}["nothing"]


def unsendable(arguments, listen):
    return object()


def killed(arguments, listen):
    os.kill(os.getpid(), signal.SIGKILL)


def killed_once(arguments, listen):
    flag = Path(arguments["flag"])
    if not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second time"


def left(arguments, listen):
    os._exit(3)


def hung(arguments, listen):
    Path(arguments["pid"]).write_text(str(os.getpid()))
    time.sleep(600)


def process(arguments, listen):
    return os.getpid()


def count(arguments, listen):
    """A line for every time it is done."""
    with Path(arguments["file"]).open("a") as file:
        file.write(f"{arguments['x']}\n")
    time.sleep(arguments.get("seconds", 0))
    return arguments["x"]


def imported(arguments, listen):
    """Where a module comes from that nothing has imported yet."""
    return __import__(arguments["name"]).__file__
