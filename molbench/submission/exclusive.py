"""One process at a time changes a submission; others wait for it, so that none undoes what another did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep other processes from reading and writing a file or folder meanwhile.

    Args:
        path: What is changed; need not be there.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
