"""The one exception that means "you can fix this"."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in the user's input: says what was wrong, where, and what to do.

    The command line prints the message without a traceback and exits with code 2.
    """


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
    return UserError(f"unknown {kind} '{name}'{hint}; known: {', '.join(names) or 'none'}")
