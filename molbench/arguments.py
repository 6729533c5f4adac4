"""Arguments that are one thing or many."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", bound=str | Path)


def listed(given: T | Iterable[T] | None) -> list[T]:
    """One or many as a list; None is none."""
    if given is None:
        return []
    return [given] if isinstance(given, str | Path) else list(given)
