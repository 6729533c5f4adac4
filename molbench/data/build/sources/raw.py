"""Files that are on the user's disk already."""

from collections.abc import Iterable
from pathlib import Path

from molbench.data.build.sources.check import digest
from molbench.errors import UserError

_DEPTH = 3


def find_named(folder: Path, names: Iterable[str]) -> Path | None:
    """The file or folder below ``folder`` that has one of ``names``, the first name that is found winning.

    Nearer ones win over deeper ones, down to three levels. Several equally near are fine if they are copies.

    Raises:
        UserError: If several equally near files of one name differ.
    """
    for name in names:
        for depth in range(_DEPTH + 1):
            matches = sorted(folder.glob("*/" * depth + _literal(name)))
            if matches:
                return _only(matches)
    return None


def find_all(folder: Path, pattern: str) -> dict[str, Path]:
    """Every file name below ``folder`` that matches a glob pattern, each with its nearest place."""
    matches: dict[str, list[Path]] = {}
    for depth in range(_DEPTH + 1):
        nearest: dict[str, list[Path]] = {}
        for path in sorted(folder.glob("*/" * depth + pattern)):
            if path.is_file() and path.name not in matches:
                nearest.setdefault(path.name, []).append(path)
        matches |= nearest
    return {name: _only(paths) for name, paths in sorted(matches.items())}


def _only(copies: list[Path]) -> Path:
    first, *others = copies
    for other in others:
        same = first.is_file() and other.is_file() and first.stat().st_size == other.stat().st_size
        if not same or digest(first, "sha256") != digest(other, "sha256"):
            raise UserError(f"{first} and {other} differ: name a narrower folder of raw files")
    return first


def _literal(name: str) -> str:
    """``name`` with the characters that a glob would interpret taken literally."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
