"""Taking wanted files out of an archive that may be hostile."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from molbench.atomic import replace_file, replace_folder
from molbench.data.build.sources.check import human
from molbench.data.build.sources.streams import open_tar
from molbench.errors import UserError, error_line, quoted

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_RATIO = 100
_ALLOWANCE = 64 << 20
_NAMED = 8
_HEADER = 4096  # bytes that a member counts for beside its own: a header, and the time that it takes


def is_archive(name: str) -> bool:
    """Whether a file of this name is one that ``extract`` reads."""
    return name.lower().endswith(SUFFIXES)


def extract(archive: Path, members: Sequence[str], target: Path) -> dict[str, Path]:
    """Extract wanted members, flat, into a folder that appears whole or not at all.

    Args:
        archive: A zip or tar file.
        members: Paths inside the archive, or glob patterns of them.
        target: Folder to make.

    Returns:
        File name to path, in the order of ``members``.

    Raises:
        UserError: If the archive is damaged, lacks a wanted member, or holds one that is a link, leads out of
            the folder, repeats a name or expands beyond 100 times the size of the archive.
    """
    with replace_folder(target) as temporary:
        take = _from_zip if archive.name.lower().endswith(".zip") else _from_tar
        taken = _Taken(archive, members, temporary)
        take(archive, taken)
        taken.check_complete()
    return listing(target, members)


def listing(folder: Path, members: Sequence[str]) -> dict[str, Path]:
    """Extracted files by name, in the order of the members that were wanted."""
    patterns = [PurePosixPath(member).name for member in members]
    rank = {
        path: next(i for i, pattern in enumerate(patterns) if fnmatchcase(path.name, pattern))
        for path in folder.iterdir()
    }
    return {path.name: path for path in sorted(rank, key=lambda path: (rank[path], path.name))}


class _Taken:
    """Members taken so far, held against what is wanted and what is safe."""

    def __init__(self, archive: Path, members: Sequence[str], folder: Path) -> None:
        self._archive = archive
        self._patterns = members
        self._folder = folder
        self._limit = archive.stat().st_size * _RATIO + _ALLOWANCE
        self._bytes = 0
        self._seen: list[str] = []
        self._found: dict[str, str] = {}

    def account(self, name: str, size: int) -> None:
        """Note one member, wanted or not: even skipping it costs its size and its header in a stream."""
        if len(self._seen) <= _NAMED:
            self._seen.append(name)
        self._bytes += size + _HEADER
        if size < 0 or self._bytes > self._limit:
            raise UserError(
                f"{self._archive}: expands beyond {human(self._limit)}, {_RATIO} times its own size: refused"
            )

    def wants(self, name: str) -> bool:
        """Whether a member is to be extracted."""
        return any(fnmatchcase(name, pattern) for pattern in self._patterns)

    def write(self, name: str, regular: bool, content: Callable[[], IO[bytes]], size: int) -> None:
        """Extract one wanted member under its bare name."""
        path = PurePosixPath(name)
        if not regular:
            raise UserError(f"{self._archive}: member {quoted(name)} is a link or a device: refused")
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or path.name in {"", "."}:
            raise UserError(f"{self._archive}: member {quoted(name)} leads out of the folder: refused")
        if path.name in self._found:
            raise UserError(f"{self._archive}: two members are called {quoted(path.name)}: refused")
        self._found[path.name] = name
        with content() as source, (self._folder / path.name).open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        if (self._folder / path.name).stat().st_size != size:
            raise UserError(f"{self._archive}: member {quoted(name)} ends early: the archive is cut short")

    def check_complete(self) -> None:
        """Refuse an archive in which something wanted is missing."""
        for pattern in self._patterns:
            if not any(fnmatchcase(name, pattern) for name in self._found.values()):
                some = ", ".join(map(quoted, self._seen[:_NAMED])) + (
                    " …" if len(self._seen) > _NAMED else ""
                )
                raise UserError(f"{self._archive}: no member '{pattern}'; it has: {some or 'none'}")


def _from_zip(path: Path, taken: _Taken) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not taken.wants(member.filename):
                    taken.account(member.filename, 0)
                    continue
                taken.account(member.filename, member.file_size)
                mode = member.external_attr >> 16
                regular = not member.is_dir() and (stat.S_IFMT(mode) in {0, stat.S_IFREG})
                taken.write(member.filename, regular, partial(archive.open, member), member.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UserError(
            f"{path}: not an undamaged zip archive, it may be cut short: {error_line(error)}"
        ) from error


def _from_tar(path: Path, taken: _Taken) -> None:
    with open_tar(path) as archive:
        for member in archive:
            taken.account(member.name, member.size)
            if taken.wants(member.name):
                taken.write(member.name, member.isreg(), partial(_open, archive, member), member.size)


def _open(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise tarfile.ReadError(f"member '{member.name}' has no content")
    return stream


def pack_files(folder: Path, suffix: str, target: Path) -> Path:
    """Gather loose files into an uncompressed tar archive with nothing of the machine in it.

    Args:
        folder: Folder whose files, not those of its subfolders, are gathered in the order of their names.
        suffix: Only files that end so.
        target: Archive to make.
    """
    with (
        replace_file(target) as temporary,
        tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name.endswith(suffix):
                member = tarfile.TarInfo(path.name)
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    archive.addfile(member, file)
    return target
