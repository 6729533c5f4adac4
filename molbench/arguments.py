"""Arguments that are one thing or many, and paths that must lead somewhere."""

import re
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

from molbench.errors import UserError, closest, meant, quoted

T = TypeVar("T", bound=str | Path)

#: More seeds tell nothing more, and NumPy's generators know no larger ones.
_MOST_SEEDS, _LARGEST_SEED = 10_000, (1 << 32) - 1


def listed(given: T | Iterable[T] | None) -> list[T]:
    """One or many as a list; None is none."""
    if given is None:
        return []
    return [given] if isinstance(given, str | Path) else list(given)


def seed_numbers(text: str) -> list[int]:
    """``0,3,7`` to numbers.

    Raises:
        UserError: If there is anything but whole numbers between the commas.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--seed-list {text}: write seeds with commas, 0,3,7") from None


def seeds_of(asked: int | Sequence[int]) -> Sequence[int]:
    """The seeds: so many from 0 on, or those that are listed.

    Raises:
        UserError: If there is none, one twice, or one that is no seed.
    """
    given: Any = asked  # from Python it may be anything
    if isinstance(given, Integral):
        seeds: Sequence[int] = range(int(given))
    elif isinstance(given, Iterable) and not isinstance(given, str):
        seeds = [int(seed) if isinstance(seed, Integral) else seed for seed in given]
    else:
        raise UserError(f"seeds {quoted(str(asked))}: give their number, or a list of them")
    if len(seeds) > _MOST_SEEDS:
        raise UserError(f"more than {_MOST_SEEDS:,} seeds")
    if not seeds or len({*seeds}) != len(seeds):
        raise UserError("at least one seed is needed, and none twice")
    if wrong := [seed for seed in seeds if not (isinstance(seed, int) and 0 <= seed <= _LARGEST_SEED)]:
        raise UserError(f"seed {quoted(wrong[0])}: seeds are whole numbers from 0 to {_LARGEST_SEED:,}")
    return seeds


def shard_of(text: str) -> tuple[int, int]:
    """``2/8`` to the number of the part, from 1, and of how many.

    Raises:
        UserError: If it is written otherwise.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UserError(f"shard {quoted(text)}: write i/n, such as 1/8, with i from 1 to n")
    return int(match[1]), int(match[2])


def comma_separated(given: str | Iterable[str] | None) -> list[str]:
    """Names out of one text or many, each of which may hold several with commas between; blanks are none."""
    return [name.strip() for text in listed(given) for name in text.split(",") if name.strip()]


def require_file(path: Path, what: str = "file") -> None:
    """Raise UserError unless there is a plain file, which can be read without waiting for anybody.

    Args:
        path: Where it should be.
        what: What it is called where there is nothing.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a file")
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path}: is a link that leads nowhere; put a plain file in its place, or remove it")
    if path.exists():
        raise UserError(f"{path}: is a pipe or a device; put a plain file in its place, or remove it")
    raise UserError(f"{path}: no such {what}{file_meant(path)}")


def require_no_file(path: Path) -> None:
    """Raise UserError where a folder is to be made, or written into, and is a file."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: is a file, not a folder")


def require_folder(path: Path, maker: str) -> None:
    """Raise UserError unless there is a folder, naming one that was perhaps meant, and what makes one."""
    if not path.is_dir():
        siblings = _siblings(path)
        hint = meant(path.name, [sibling.name for sibling in siblings if sibling.is_dir()])
        problem = "not a folder" if path.exists() else f"no such folder{hint}"
        raise UserError(f"{path}: {problem}; `{maker}` makes one")


def file_meant(path: Path) -> str:
    """`` (did you mean '…'?)`` as it follows a file that is not there: one like it beside it, or nothing."""
    files = [sibling for sibling in _siblings(path) if not sibling.is_dir()]
    stems = {file.stem: file.name for file in files if path.suffix in ("", file.suffix)}
    close = closest(path.stem, stems)
    return f" (did you mean '{stems[close]}'?)" if close else ""


def _siblings(path: Path) -> list[Path]:
    try:
        return list(path.parent.iterdir())
    except OSError:  # there is no such parent, or it is not ours to read
        return []


def require_results(path: Path) -> None:
    """Raise UserError unless there is a folder, in which results may be."""
    require_folder(path, f"molbench evaluate CHECKPOINT --output {path}")
