"""One process at a time changes a file or folder; the lock file beside it goes when nobody holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class BusyError(Exception):
    """Another process holds the lock."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep other processes from reading and writing a file or folder meanwhile; wait until they let it go.

    Args:
        path: What is changed; need not be there.
    """
    with hold(lock_beside(path)):
        yield


def lock_beside(path: Path) -> Path:
    """The lock file of a file or folder."""
    path = path.resolve()
    return path.with_name(f".{path.name}.lock")


@contextmanager
def hold(lock: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file, whose folder is made where it is missing; removed at the end.

    A waiting process that opened the file before it was removed takes the lock anew, on the file that is
    there then. ``filelock`` does so, and removes no file itself, since 3.30.3.

    Raises:
        BusyError: If another process holds it and it is not waited for.
    """
    held = _acquired(lock, wait)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        held.release()


def remove_leftovers(locks: Iterable[Path]) -> None:
    """Remove those lock files that no process holds: processes that were killed leave theirs."""
    for lock in locks:
        if lock.is_file():
            with suppress(BusyError, OSError), hold(lock, wait=False):
                pass


def _acquired(lock: Path, wait: bool) -> FileLock:
    held = FileLock(lock)
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=-1 if wait else 0)
        except Timeout:
            raise BusyError(str(lock)) from None
        except FileNotFoundError:  # the folder was empty, and removed meanwhile
            continue
        return held
