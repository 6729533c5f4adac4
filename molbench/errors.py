"""The one exception that means "you can fix this"."""

from collections.abc import Iterable
from difflib import get_close_matches
from reprlib import Repr

_LONGEST = 300
_EXCERPT = Repr()
_EXCERPT.maxstring = _EXCERPT.maxother = _EXCERPT.maxlong = 80


class UserError(Exception):
    """A mistake in the user's input: says what was wrong, where, and what to do.

    The command line prints the message without a traceback and exits with code 2.
    """


def quoted(value: object) -> str:
    """A stranger's value as it can stand in a message: one line, escaped, the beginning of what is long."""
    return _EXCERPT.repr(value)


def error_line(error: BaseException) -> str:
    """What a library says of an error as it can stand in a message: its first line, escaped."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return quoted(first)[1:-1] if not first.isprintable() else first[:_LONGEST]


def path_of(keys: Iterable[str | int]) -> str:
    """The way to a value through a stranger's document, ``tasks.0.metric``, escaped alike."""
    return ".".join(quoted(key)[1:-1] if isinstance(key, str) else str(key) for key in keys)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error that a name is not known, with the name that was perhaps meant, and all there are.

    Args:
        kind: What the name should be of: ``"backbone"``.
        name: What was asked for.
        known: Every name there is.
    """
    names = list(known)
    close = get_close_matches(name, names, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return UserError(f"unknown {kind} {quoted(name)}{hint}; known: {', '.join(names) or 'none'}")
