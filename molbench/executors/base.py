"""What is executed, and how it ends."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from molbench.errors import UserError, quoted, unknown_name

#: Environment variable of the accelerators that a process may use.
DEVICES = "CUDA_VISIBLE_DEVICES"
#: What a worker tells while it works; must be JSON.
Message = Mapping[str, Any]
Listener = Callable[[Message], None]

_PACKAGE = Path(__file__).parent.parent
#: No count of anything is as large.
_MOST = 1e6


class InterruptedWorkError(UserError):
    """Work was stopped by a signal after what it needs to continue had been saved."""


class SubmittedWorkError(InterruptedWorkError):
    """Work goes on elsewhere, and nobody waits for it; whoever asked for that finds what it came to later."""


@dataclass(frozen=True)
class Unit:
    """One piece of work that fails or succeeds by itself.

    Workers may be other processes on other machines, so a unit holds names, paths and numbers, never objects.

    Attributes:
        key: Names it among the units of one call.
        function: ``module:function``, called with the arguments and a listener for its messages; what it
            returns must be JSON.
        arguments: Must be JSON.
    """

    key: str
    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """How a unit ended.

    Attributes:
        key: Of the unit.
        value: What its function returned, None where it failed.
        error: Why it failed, in one line, or None.
    """

    key: str
    value: Any = None
    error: str | None = None


@dataclass(frozen=True)
class Executor(ABC):
    """Executes units somewhere; whatever becomes of one of them, the others are executed.

    Attributes:
        workers: Units executed at once; None for as many as the machine has processors.
        time_limit: Seconds after which a unit is given up; None for no limit.
        retries: How often a unit is tried again whose worker was lost.
        devices: Accelerators shared out among the workers of this machine, as ``DEVICES`` names them.
        options: What only some executor knows, such as the address of a cluster or a partition.
    """

    name: ClassVar[str]
    #: Packages it needs that come with an extra of its name.
    needs: ClassVar[tuple[str, ...]] = ()
    #: Names of the options it knows, and what they mean.
    known: ClassVar[Mapping[str, str]] = {}
    #: Whether its units have processes of their own, which can be given up, or be lost and tried again.
    apart: ClassVar[bool] = True
    #: Those that are numbers above zero, whole ones or any.
    counts: ClassVar[Mapping[str, type[int] | type[float]]] = {}
    workers: int | None = None
    time_limit: float | None = None
    retries: int = 0
    devices: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is done.

        Raises:
            UserError: If a package or an option is missing or unknown.
        """
        if missing := [package for package in self.needs if find_spec(package) is None]:
            raise UserError(
                f"executor '{self.name}' needs {' and '.join(missing)}: pip install 'molbench[{self.name}]'"
            )
        for option in self.options:
            if option not in self.known:
                raise unknown_name(f"option of executor '{self.name}'", option, self.known)
            if not self.options[option]:
                raise UserError(f"option '{option}' of executor '{self.name}' is empty")
        for option, kind in self.counts.items():
            self._check_count(option, kind)

    def _check_count(self, option: str, kind: type[int] | type[float]) -> None:
        text = self.options.get(option, "1")
        try:
            good = 0 < kind(text) < _MOST
        except ValueError:
            good = False
        if not good:
            what = "whole number" if kind is int else "number"
            raise UserError(
                f"option '{option}' of executor '{self.name}': {quoted(text)} is no {what} above 0"
            )

    def require(self) -> None:  # noqa: B027 - what needs nothing has nothing to say
        """Refuse work that cannot be handed over from here, before anything is done for it.

        Raises:
            UserError: If what executes it is not there.
        """

    @abstractmethod
    def run(
        self,
        groups: Sequence[Sequence[Unit]],
        listen: Callable[[str, Message], None] = lambda _key, _message: None,
    ) -> Generator[Done, None, None]:
        """Yield how every unit ended, as it becomes known, in any order.

        Args:
            groups: Units of one group are executed one after the other by one worker, which may keep between
                them what they share.
            listen: Told of the messages of units, with the unit's key.
        """


def perform_unit(unit: Unit, listen: Listener) -> Done:
    """Execute a unit in this process; an exception is how it ended, whatever it is.

    Raises:
        InterruptedWorkError: If a signal asked for the end of the work.
    """
    try:
        module, _, name = unit.function.partition(":")
        return Done(unit.key, getattr(import_module(module), name)(dict(unit.arguments), listen))
    except InterruptedWorkError:
        raise
    except UserError as error:
        return Done(unit.key, error=str(error))
    except MemoryError:
        return Done(unit.key, error="out of memory")
    except OSError as error:
        return Done(unit.key, error=_refused(error))
    except Exception as error:  # noqa: BLE001 - one failure must not take down its neighbours
        return Done(unit.key, error=describe(error))


def _refused(error: OSError) -> str:
    """What the system refused, and of which file."""
    if error.strerror is None:
        return describe(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def describe(error: BaseException) -> str:
    """An unforeseen exception in one line: what, and where in this package or else where."""
    frames = traceback.extract_tb(error.__traceback__)
    project_frames = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(_PACKAGE) and frame.name != "perform_unit"
    ]
    text = " ".join(str(error).split())[:500]
    location = ""
    if frame := next(iter((project_frames or list(frames))[-1:]), None):
        location = f" ({Path(frame.filename).name}:{frame.lineno})"
    return f"{type(error).__name__}{': ' if text else ''}{text}{location}"


@dataclass
class Attempts:
    """How often each unit was started.

    Attributes:
        allowed: Starts that a unit may have.
    """

    allowed: int
    _started: dict[str, int] = field(default_factory=dict)

    def start(self, unit: Unit) -> None:
        """Count one more."""
        self._started[unit.key] = self._started.get(unit.key, 0) + 1

    def left(self, unit: Unit) -> bool:
        """Whether it may be started again."""
        return self._started.get(unit.key, 0) < self.allowed
