"""The one exception that means "you can fix this"."""

import re
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


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was perhaps meant, whatever its capitals; the beginning of one will do."""
    lower = {other.lower(): other for other in known}
    given = name.lower()
    close = get_close_matches(given, lower, n=1) or [
        other for other in lower if given and other.startswith(given)
    ]
    if not close:  # a word of a longer name, with a slip
        words = {word: other for other in lower for word in re.split(r"[^a-z0-9]+", other) if len(word) > 2}
        close = [words[word] for word in get_close_matches(given, words, n=1)]
    return lower[close[0]] if close else None


def meant(name: str, known: Iterable[str]) -> str:
    """``(did you mean '…'?)`` as it follows a name in a message, or nothing."""
    close = closest(name, known)
    return f" (did you mean '{close}'?)" if close else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error that a name is not known, with the name that was perhaps meant, and all there are.

    Args:
        kind: What the name should be of: ``"backbone"``.
        name: What was asked for.
        known: Every name there is.
    """
    names = list(known)
    return UserError(
        f"unknown {kind} {quoted(name)}{meant(name, names)}; known: {', '.join(names) or 'none'}"
    )
