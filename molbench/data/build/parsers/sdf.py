"""SD files as streams of records, from one file or several that follow each other."""

import re
import tarfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from molbench.data.build.sources.streams import open_stream, open_tar
from molbench.errors import UserError

_END = re.compile(rb"^\$\$\$\$[ \t\r]*\n", re.MULTILINE)
_READ = 1 << 20
_MAX_RECORD = 16 << 20


@contextmanager
def open_sdf(path: Path) -> Iterator[IO[bytes]]:
    """Open an SD file: plain, compressed, or the only ``.sdf`` member of a tar archive.

    Raises:
        UserError: If it cannot be read, or the archive holds no SD file.
    """
    if ".tar" not in path.suffixes and path.suffix != ".tgz":
        with open_stream(path) as file:
            yield file
        return
    with open_tar(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".sdf"):
                stream = archive.extractfile(member)
                if stream is None:
                    raise tarfile.ReadError(f"member '{member.name}' has no content")
                yield stream
                return
        raise UserError(f"{path}: no .sdf file in the archive")


def records(
    path: Path, start: int = 0, stop: int | None = None, offset: int | None = None
) -> Iterator[tuple[int, bytes]]:
    """Number and text of the records ``start`` to ``stop``, each without its ``$$$$``.

    Args:
        path: The file.
        start: The first of them.
        stop: The first behind them; None reads to the end.
        offset: Where ``start`` begins, see :func:`starts`. Without it, what comes before is searched for the
            ends of records.

    Raises:
        UserError: If the file ends in the middle of a record, or a record is longer than any molecule's.
    """
    with open_sdf(path) as file:
        if offset is not None:
            file.seek(offset)
        for number, _, block in _placed(file, path, 0 if offset is None else start):
            if number == stop:
                return
            if number >= start:
                yield number, block


def starts(path: Path) -> Sequence[int]:
    """The first byte of every record; reads the file once.

    Raises:
        UserError: As ``records``, and if there is none.
    """
    with open_sdf(path) as file:
        places = array("q", (offset for _, offset, _ in _placed(file, path, 0)))
    if not places:
        raise UserError(f"{path}: no record in it")
    return places


def _placed(file: IO[bytes], path: Path, number: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, first byte and text of each record from here on, the first of them the ``number``-th."""
    offset, rest = 0, b""
    while block := file.read(_READ):
        rest += block
        begin = 0
        for match in _END.finditer(rest):
            yield number, offset + begin, rest[begin : match.start()]
            begin = match.end()
            number += 1
        offset, rest = offset + begin, rest[begin:]
        if len(rest) > _MAX_RECORD:
            raise UserError(f"{path}: record {number:,} has no end ($$$$): not an SD file")
    if rest.rstrip() == b"$$$$" or rest.endswith(b"\n$$$$"):
        yield number, offset, rest[: -len(b"$$$$")]
    elif rest.strip():
        what = "not an SD file" if number == 0 else "the file is cut short"
        raise UserError(f"{path}: ends in the middle of record {number:,}: {what}")


def count_records(path: Path) -> int:
    """Number of records; reads the file once.

    Raises:
        UserError: As ``records``, and if there is none.
    """
    return len(starts(path))


def numbered_records(
    paths: Sequence[Path], counts: Sequence[int], start: int, stop: int
) -> Iterator[tuple[int, bytes]]:
    """Records ``start`` to ``stop`` of several files counted through, each with its number over all."""
    first = 0
    for path, size in zip(paths, counts, strict=True):
        begin, end = max(start - first, 0), min(stop - first, size)
        if begin < end:
            for number, block in records(path, begin, end):
                yield first + number, block
        first += size
