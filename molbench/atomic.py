"""Files and folders that appear whole or not at all, and what processes that were killed left of them.

Temporary names carry the machine and the process, ``.<name>.<machine>-<process>-<random>.tmp``, so that
whoever works in a folder next can tell what nobody writes to any more; see :func:`sweep`.
"""

import ctypes
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.(tmp|old)")
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def temporary_beside(path: Path, suffix: str = "tmp") -> Path:
    """A name in the folder of ``path`` that nothing has yet; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.{suffix}")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block succeeds.

    An exception in the block removes the temporary file and leaves ``path`` as it was.
    """
    temporary = _swept_beside(path)
    temporary.touch(mode=0o600, exist_ok=False)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that takes its place when the block succeeds.

    On Linux the two are exchanged in one step, so that there is a whole folder of that name at every
    moment. Elsewhere the old one is moved aside first, and is put back by the next :func:`sweep` should the
    process die before the new one is in place.
    """
    temporary = _swept_beside(path)
    temporary.mkdir(mode=0o700)
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` for work on it, and remove it whatever becomes of the work."""
    folder = _swept_beside(path)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path, name: str | None = None) -> list[Path]:
    """Remove what dead processes of this machine left in a folder.

    Whoever writes something anew sweeps what was left of earlier attempts at it.

    Args:
        folder: Looked at itself, not below; need not be there.
        name: Of what they were writing; None for anything.

    Returns:
        What was removed, or was put back under its own name since nothing else stood there.
    """
    if not folder.is_dir():
        return []
    swept = []
    for path in sorted(folder.iterdir()):
        left = _TEMPORARY.fullmatch(path.name)
        if left is None or left["machine"] != _machine() or _is_alive(int(left["process"])):
            continue
        if name not in {None, left["name"]}:
            continue
        original = path.with_name(left["name"])
        if path.suffix == ".old" and not original.exists():
            path.replace(original)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        swept.append(path)
    return swept


def _swept_beside(path: Path) -> Path:
    sweep(path.parent, path.name)
    return temporary_beside(path)


def _put_in_place(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.replace(path)
    elif not _exchange(temporary, path):
        retired = temporary.with_suffix(".old")
        path.replace(retired)
        try:
            temporary.replace(path)
        except OSError:
            retired.replace(path)
            raise
        shutil.rmtree(retired, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    paths = (os.fsencode(one), os.fsencode(other))
    return bool(rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OSError, OverflowError):
        return True
    return True


@cache
def _machine() -> str:
    return sha256(platform.node().encode()).hexdigest()[:8]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
