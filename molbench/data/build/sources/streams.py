"""Opening files as streams of bytes, decompressed, with one error for all that may be wrong with them."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from molbench.errors import UserError, error_line

_OPEN: dict[str, Callable[..., object]] = {
    ".gz": gzip.open,
    ".tgz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
}
_EXTENDED = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_MAX_HEADER = 1 << 20
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, tarfile.TarError)


@contextmanager
def open_stream(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed by its suffix (.gz, .tgz, .xz, .bz2).

    Raises:
        UserError: If it cannot be read, is cut short or damaged, or has no content; also while it is read.
    """
    opener = _OPEN.get(path.suffix.lower(), open)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty")
        with cast(IO[bytes], opener(path, "rb")) as file:
            yield file
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise UserError(
            f"{path}: cannot be read, it may be cut short or damaged: {error_line(error)}"
        ) from error


class _StrictInfo(tarfile.TarInfo):
    """Only the end mark ends the archive; the library takes any bad header for the end.

    What follows the mark is read too, for a compressed file keeps its checksum behind it. Headers of any
    length are read into memory, and members are remembered, unless that is prevented.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_StrictInfo":
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENDED and info.size > _MAX_HEADER:
            raise tarfile.InvalidHeaderError("a header of more than a megabyte")  # type: ignore[attr-defined]
        return info

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_StrictInfo":
        archive.members = []  # type: ignore[attr-defined]
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            while cast(IO[bytes], archive.fileobj).read(1 << 20):
                continue
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(
                f"{error_line(error)} where a member or the end mark should be"
            ) from error


@contextmanager
def open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar archive, compressed or not, to be iterated once from its beginning.

    Raises:
        UserError: As ``open_stream``, and where the archive stops without its end mark.
    """
    with open_stream(path) as file, tarfile.open(fileobj=file, mode="r|", tarinfo=_StrictInfo) as archive:
        yield archive
