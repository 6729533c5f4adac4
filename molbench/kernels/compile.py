"""The C files beside it as a library for this machine, compiled on first use and kept in the user's cache.

What is loaded runs as the user, so nothing is loaded that somebody else could have put there: the folder is
made with mode 0700, and it, the file and every folder above must be out of others' reach. A file's name holds
the SHA-256 of its bytes; a damaged one is removed and compiled again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
import subprocess
from pathlib import Path

from molbench.atomic import scratch_folder, sweep
from molbench.paths import user_cache

SOURCES = Path(__file__).parent
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NoKernelsError(Exception):
    """Why there is no library, in one line."""


def compiled() -> Path:
    """A whole library for this machine that is the user's own; other processes may make theirs meanwhile.

    Raises:
        NoKernelsError: If there is no compiler, it fails, or the folder cannot be trusted or written.
    """
    if os.name != "posix":
        raise NoKernelsError("files have no owner that could be checked on this system")
    name = os.environ.get("CC", "cc")
    compiler = shutil.which(name)
    if compiler is None:
        raise NoKernelsError(f"no C compiler '{name}'")
    try:
        folder = user_cache() / "kernels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
        _check_folders(folder)
        sweep(folder)
        prefix = f"kernels-{_key(compiler)}-"
        for path in sorted(folder.glob(f"{prefix}*.so")):
            if path.name == _name(prefix, path):
                return path
            path.unlink(missing_ok=True)  # damaged, or another process has just done so
        return _compile(compiler, folder, prefix)
    except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
        raise NoKernelsError(f"their folder cannot be used: {error}") from error


def _check_folders(folder: Path) -> None:
    """Only the user, or root above, may change what a name in ``folder`` leads to.

    A folder such as /tmp, where everybody may write but only owners may rename, is no danger above.
    """
    for path in (folder, *folder.parents):
        status = path.stat()
        shared = status.st_mode & _OTHERS_WRITE and (path == folder or not status.st_mode & stat.S_ISVTX)
        if shared:
            raise NoKernelsError(f"others can write to {path}: run chmod go-w on it")
        if status.st_uid != os.geteuid() and (path == folder or status.st_uid != 0):
            raise NoKernelsError(f"{path} belongs to another user")


def _name(prefix: str, path: Path) -> str:
    """The name that a file should have by its content, empty where it is not a file of the user's own."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(handle, "rb") as file:  # noqa: PTH123 - what was opened, not what the name leads to now
        status = os.fstat(handle)
        if (
            not stat.S_ISREG(status.st_mode)
            or status.st_uid != os.geteuid()
            or status.st_mode & _OTHERS_WRITE
        ):
            return ""
        return f"{prefix}{hashlib.file_digest(file, 'sha256').hexdigest()}.so"


def _compile(compiler: str, folder: Path, prefix: str) -> Path:
    with scratch_folder(folder / "kernels") as temporary:
        made = temporary / "kernels.so"
        command = [compiler, *_FLAGS, *map(str, sorted(SOURCES.glob("*.c"))), "-lm", "-o", str(made)]
        try:
            subprocess.run(  # noqa: S603 - our own sources
                command,
                check=True,
                capture_output=True,
                text=True,
                timeout=120,
                env={**os.environ, "TMPDIR": str(temporary)},  # swept with it, should both be killed
            )
        except subprocess.CalledProcessError as error:
            first = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[0]
            raise NoKernelsError(f"{compiler} failed: {first}") from error
        except subprocess.TimeoutExpired as error:
            raise NoKernelsError(f"{compiler} took longer than two minutes") from error
        made.chmod(0o600)
        # No other process sees half a file; two that compile at once leave two whole ones, or one.
        return made.replace(folder / _name(prefix, made))


def _key(compiler: str) -> str:
    """Changes with source, flags, compiler and processor: what one machine compiles another cannot run."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.[ch]")):
        digest.update(source.read_bytes())
    stamp = Path(compiler).stat()
    parts = [*_FLAGS, compiler, str(stamp.st_size), str(stamp.st_mtime_ns), platform.machine()]
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        flags = (line for line in cpu.read_text(encoding="utf-8").splitlines() if line.startswith("flags"))
        parts.append(next(flags, ""))
    digest.update("\0".join(parts).encode())
    return digest.hexdigest()[:16]
