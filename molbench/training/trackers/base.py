"""What a tracker of experiments is told: runs one after the other, each with its numbers by step."""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from molbench.arguments import comma_separated
from molbench.errors import UserError
from molbench.training.trackers import TRACKERS

#: Name of all runs together, where a tracker wants one.
PROJECT = "molbench"

Values = Mapping[str, float]


class Tracker(ABC):
    """Shows the curves of runs somewhere.

    Args:
        folder: Where one that writes files writes them, in a folder of its own.

    Raises:
        UserError: If a package is missing.
    """

    name: ClassVar[str]
    #: Packages it needs that come with an extra of its name.
    needs: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path) -> None:
        if missing := [package for package in self.needs if find_spec(package) is None]:
            raise UserError(
                f"logger '{self.name}' needs {' and '.join(missing)}: pip install 'molbench[{self.name}]'"
            )
        self.folder = folder / f".{self.name}"

    @abstractmethod
    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """Begin a run of this name, with what is known of it."""

    @abstractmethod
    def log(self, step: int, values: Values) -> None:
        """Numbers of one step."""

    @abstractmethod
    def end(self) -> None:
        """End the run."""


def trackers_of(names: str | Sequence[str], folder: Path) -> list[Tracker]:
    """Trackers by name, several with commas between.

    Raises:
        UserError: If a name is unknown, or what it needs is not installed.
    """
    return [TRACKERS[name](folder) for name in dict.fromkeys(comma_separated(names))]


@contextmanager
def tracked(trackers: Sequence[Tracker], run: str, facts: Mapping[str, Any]) -> Iterator[list[Tracker]]:
    """A run of several trackers; one that fails is let go with a warning, and the run goes on."""
    alive = [tracker for tracker in trackers if _lives(tracker, "start", run, facts)]
    try:
        yield alive
    finally:
        for tracker in alive:
            _lives(tracker, "end")


def tell(trackers: list[Tracker], step: int, values: Mapping[str, Any]) -> None:
    """Numbers of one step to all of them; what is no number is left out."""
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    for tracker in list(trackers):
        if not _lives(tracker, "log", step, numbers):
            trackers.remove(tracker)


def replay(trackers: Sequence[Tracker], run: str, facts: Mapping[str, Any], log: Path, last: Values) -> None:
    """A run that has ended: the lines of its ``log.jsonl``, where it has one, and numbers that came of it."""
    with tracked(trackers, run, facts) as alive:
        step = 0
        if alive and log.is_file():
            for line in log.read_text(encoding="utf-8").splitlines():
                values = json.loads(line)
                step = values.pop("step")
                tell(alive, step, values)
        tell(alive, step, last)


def _lives(tracker: Tracker, method: str, *arguments: Any) -> bool:
    try:
        getattr(tracker, method)(*arguments)
    except Exception as error:  # noqa: BLE001 - a service that is away must not end hours of training
        warnings.warn(f"logger '{tracker.name}' failed: {type(error).__name__}: {error}", stacklevel=2)
        return False
    return True
