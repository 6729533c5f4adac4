"""Pickles of strangers read as inert data: nothing named in one is imported, and nothing is called.

The standard unpickler is a machine that calls what the file says. This one knows the instructions that
plain data needs. Where a pickle names a class or function, the result is a ``Call``, a note of the name and
its arguments which the reader of the file may interpret; names outside the reader's list are refused.
The instructions are those of the pickle protocols 1 to 5 (PEP 307, 3154 and 574; ``pickletools``).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Name of what a pickle keeps outside of it; its one argument says where.
PERSISTENT = "pickle.persistent_id"
_CUT = "a pickle that is cut short"
_MAX_DEPTH = 100
_ORDERED = "collections.OrderedDict"


@dataclass
class Call:
    """What a pickle would have called.

    Attributes:
        name: ``module.function`` or ``module.Class``.
        args: Its arguments.
        state: What would have been set on the result.
        items: What would have been put into the result, an ``OrderedDict``.
    """

    name: str
    args: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


def load_pickle(data: bytes, allowed: frozenset[str] = frozenset()) -> Any:
    """Rebuild the plain data of one pickle.

    Args:
        data: The pickle; what stands behind its end is ignored.
        allowed: Full names that may appear; as arguments of others they are given as strings.

    Returns:
        Nested dicts (with text or whole numbers as keys), lists, tuples, numbers, text, bytes, None and
        ``Call``. Time and memory are proportional to the length of the pickle, whatever it holds.

    Raises:
        ValueError: If the pickle is damaged, is nested too deeply, or asks for anything beyond plain data.
    """
    try:
        return _Machine(data, allowed).run()
    except (IndexError, TypeError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged pickle: {error}") from error


class _Name(str):
    """A global that the pickle has named and the reader allows."""

    __slots__ = ()


class _Machine:
    """Stack, memo and position in one pickle."""

    def __init__(self, data: bytes, allowed: frozenset[str]) -> None:
        self._data, self._at = data, 0
        self._allowed = allowed
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Follow the instructions to the end."""
        data, steps = self._data, _STEPS
        while self._at < len(data):
            code = data[self._at]
            self._at += 1
            if code == _STOP:
                return self._stack.pop()
            step = steps.get(code)
            if step is None:
                raise ValueError(
                    f"the pickle instruction {bytes([code])!r} is not one of plain data: refused"
                )
            step(self)
        raise ValueError(_CUT)

    def take(self, size: int) -> bytes:
        """The next bytes of the pickle."""
        piece = self._data[self._at : self._at + size]
        if len(piece) != size:
            raise ValueError(_CUT)
        self._at += size
        return piece

    def number(self, form: str) -> Any:
        """The next packed number."""
        layout = struct.Struct(form)
        return layout.unpack(self.take(layout.size))[0]

    def line(self) -> str:
        """The next line of text."""
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise ValueError(_CUT)
        return self.take(end + 1 - self._at)[:-1].decode()

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self._stack.append(value)

    def pop(self) -> Any:
        """Take a value off the stack."""
        return self._stack.pop()

    def mark(self) -> None:
        """Begin a series of values."""
        if len(self._marks) == _MAX_DEPTH:
            raise ValueError(f"a pickle nested more than {_MAX_DEPTH} deep: refused")
        self._marks.append(self._stack)
        self._stack = []

    def series(self) -> list[Any]:
        """The values since the last mark."""
        values, self._stack = self._stack, self._marks.pop()
        return values

    def remember(self, index: int) -> None:
        """Note the top of the stack."""
        self._memo[index] = self._stack[-1]

    def recall(self, index: int) -> None:
        """Push what was noted."""
        if index not in self._memo:
            raise ValueError("a pickle that refers to what it does not hold")
        self.push(self._memo[index])

    def memoize(self) -> None:
        """Note the top of the stack under the next number."""
        self.remember(len(self._memo))

    def extend(self, values: list[Any]) -> None:
        """Append to the list on top of the stack."""
        if type(self._stack[-1]) is not list:
            raise ValueError("a pickle that appends to something that is no list")
        self._stack[-1].extend(values)

    def update(self, values: list[Any]) -> None:
        """Set items of the dict on top of the stack."""
        target = self._stack[-1]
        if type(target) is Call and target.name == _ORDERED:
            target = target.items
        if type(target) is not dict or len(values) % 2:
            raise ValueError("a pickle that sets items of something that is no dict")
        for key, value in zip(values[::2], values[1::2], strict=True):
            # Hashing a tuple of shared tuples takes time exponential in its depth.
            if type(key) not in {str, int}:
                raise ValueError(f"a dict key of type {type(key).__name__}: refused")
            target[key] = value

    def name(self, module: Any, name: Any) -> None:
        """Push the name of a global, if it is one that the reader knows."""
        if type(module) is not str or type(name) is not str:
            raise ValueError("a pickle that names something by no text: refused")
        self.push(self._known(f"{module}.{name}"))

    def persistent(self) -> None:
        """Note a value that lies outside the pickle."""
        self.push(Call(self._known(PERSISTENT), (self.pop(),)))

    def _known(self, full: str) -> "_Name":
        if full not in self._allowed:
            raise ValueError(f"the pickle names {full[:80]!r}, which is not plain data: refused")
        return _Name(full)

    def call(self) -> None:
        """Note a call in place of making it."""
        args, function = self.pop(), self.pop()
        if type(function) is not _Name or type(args) is not tuple:
            raise ValueError("a pickle that calls something that has no name: refused")
        self.push(Call(str(function), args))

    def build(self) -> None:
        """Note the state of what a call would have made."""
        state = self.pop()
        if type(self._stack[-1]) is not Call:
            raise ValueError("a pickle that sets the state of plain data: refused")
        self._stack[-1].state = state


def _whole(machine: _Machine, size: int) -> int:
    """A two's complement number of ``size`` bytes; converting long ones to text would be slow."""
    if not 0 <= size <= 64:
        raise ValueError(f"a whole number of {size:,} bytes: refused")
    return int.from_bytes(machine.take(size), "little", signed=True)


def _plain_int(text: str) -> int | bool:
    if text in {"00", "01"}:
        return text == "01"
    digits = text.removesuffix("L")
    if len(digits) > 40:
        raise ValueError("a whole number of more than 40 digits: refused")
    return int(digits)


def _tuple(size: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        values = [machine.pop() for _ in range(size)]
        machine.push(tuple(reversed(values)))

    return step


def _text(machine: _Machine, form: str) -> None:
    machine.push(machine.take(machine.number(form)).decode("utf-8", "surrogatepass"))


def _old_text(machine: _Machine, form: str) -> None:
    machine.push(machine.take(machine.number(form)).decode("ascii"))


def _bytes(machine: _Machine, form: str) -> None:
    machine.push(machine.take(machine.number(form)))


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.extend([value])


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.update([key, value])


def _dict(machine: _Machine) -> None:
    values = machine.series()
    machine.push({})
    machine.update(values)


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(module, name)


def _protocol(machine: _Machine) -> None:
    if (version := machine.take(1)[0]) > 5:
        raise ValueError(f"pickle protocol {version} is not known")


_STOP = ord(".")
_STEPS: dict[int, Callable[[_Machine], Any]] = {
    ord(code): step
    for code, step in {
        "\x80": _protocol,
        "\x95": lambda m: m.take(8),  # a frame is only a hint for reading
        "(": _Machine.mark,
        "0": _Machine.pop,
        "1": _Machine.series,
        "N": lambda m: m.push(None),
        "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False),
        "I": lambda m: m.push(_plain_int(m.line())),
        "L": lambda m: m.push(_plain_int(m.line())),
        "J": lambda m: m.push(m.number("<i")),
        "K": lambda m: m.push(m.number("<B")),
        "M": lambda m: m.push(m.number("<H")),
        "\x8a": lambda m: m.push(_whole(m, m.number("<B"))),
        "\x8b": lambda m: m.push(_whole(m, m.number("<i"))),
        "G": lambda m: m.push(m.number(">d")),
        "U": lambda m: _old_text(m, "<B"),
        "T": lambda m: _old_text(m, "<I"),
        "X": lambda m: _text(m, "<I"),
        "\x8c": lambda m: _text(m, "<B"),
        "\x8d": lambda m: _text(m, "<Q"),
        "C": lambda m: _bytes(m, "<B"),
        "B": lambda m: _bytes(m, "<I"),
        "\x8e": lambda m: _bytes(m, "<Q"),
        "]": lambda m: m.push([]),
        "l": lambda m: m.push(m.series()),
        "a": _append,
        "e": lambda m: m.extend(m.series()),
        ")": lambda m: m.push(()),
        "t": lambda m: m.push(tuple(m.series())),
        "\x85": _tuple(1),
        "\x86": _tuple(2),
        "\x87": _tuple(3),
        "}": lambda m: m.push({}),
        "d": _dict,
        "s": _set_item,
        "u": lambda m: m.update(m.series()),
        "q": lambda m: m.remember(m.number("<B")),
        "r": lambda m: m.remember(m.number("<I")),
        "\x94": _Machine.memoize,
        "h": lambda m: m.recall(m.number("<B")),
        "j": lambda m: m.recall(m.number("<I")),
        "c": lambda m: m.name(m.line(), m.line()),
        "\x93": _stack_global,
        "Q": _Machine.persistent,
        "\x81": _Machine.call,  # a class called without its initialiser is noted alike
        "R": _Machine.call,
        "b": _Machine.build,
    }.items()
}
