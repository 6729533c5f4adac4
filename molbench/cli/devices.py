"""Which accelerators a command may use."""

import os

from molbench.errors import UserError, quoted
from molbench.executors.base import DEVICES


def use_devices(chosen: str) -> None:
    """Let this process and those that it starts use some accelerators alone; before torch is imported.

    Args:
        chosen: ``cpu`` for none, else their numbers with commas between.

    Raises:
        UserError: If it is neither.
    """
    if chosen != "cpu" and not all(part.isdecimal() for part in chosen.split(",")):
        raise UserError(f"--device {quoted(chosen)}: write cpu, or numbers of accelerators, 0,1")
    os.environ[DEVICES] = "" if chosen == "cpu" else chosen


def require_devices(chosen: str) -> None:
    """Raise UserError unless what was chosen is there; imports torch."""
    import torch

    count = 0 if chosen == "cpu" else len(chosen.split(","))
    if (there := torch.cuda.device_count()) < count:
        raise UserError(f"--device {chosen}: torch sees {there} of these accelerators")
