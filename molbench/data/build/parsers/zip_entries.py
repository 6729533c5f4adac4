"""Members of zip archives with millions of them, whose directory would not fit into memory as objects."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from molbench.errors import UserError, error_line, quoted

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_ENTRY_SIZE, _LOCAL_SIZE = 46, 30
_TAIL = 65_557
_STORED, _DEFLATED = 0, 8
_FULL = 0xFFFFFFFF
_MAX_MEMBER = 16 << 20


class _Directory(NamedTuple):
    entries: int
    offset: int


class _Entry(NamedTuple):
    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def count_members(path: Path) -> int:
    """Number of members, folders included.

    Raises:
        UserError: If the file is no zip archive.
    """
    with path.open("rb") as file:
        return _directory(file, path).entries


def zip_members(path: Path, start: int, stop: int | None, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of members ``start`` to ``stop`` of the directory whose names end in ``suffix``.

    The format is that of PKWARE's APPNOTE 6.3, with zip64; members are stored or deflated. Memory holds one
    member at a time.

    Raises:
        UserError: If the archive is damaged, or a member is longer than 16 MiB.
    """
    try:
        with path.open("rb") as file, path.open("rb") as directory:
            listing = _directory(directory, path)
            directory.seek(listing.offset)
            for number in range(listing.entries if stop is None else min(stop, listing.entries)):
                entry = _entry(directory)
                if number >= start and entry.name.endswith(suffix):
                    yield entry.name, _content(file, entry)
    except (struct.error, zlib.error, ValueError, OSError) as error:
        raise UserError(
            f"{path}: not an undamaged zip archive, it may be cut short: {error_line(error)}"
        ) from error


def _directory(file: IO[bytes], path: Path) -> _Directory:
    """Length and place of the directory, from the record at the end of the archive."""
    length = file.seek(0, 2)
    file.seek(max(0, length - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise UserError(f"{path}: no directory at its end: not a zip archive, or cut short")
    entries, _, offset = struct.unpack_from("<HII", tail, at + 10)
    locator = at - 20
    if locator >= 0 and tail[locator : locator + 4] == _LOCATOR:
        file.seek(min(struct.unpack_from("<Q", tail, locator + 8)[0], length))
        record = file.read(56)
        if len(record) < 56 or record[:4] != _END64:
            raise UserError(f"{path}: its zip64 directory is not where it should be: damaged")
        entries, _, offset = struct.unpack_from("<QQQ", record, 32)
    if offset > length or entries > length // _ENTRY_SIZE:
        raise UserError(f"{path}: its directory cannot be as long as it says: damaged")
    return _Directory(entries, offset)


def _entry(directory: IO[bytes]) -> _Entry:
    head = _exactly(directory, _ENTRY_SIZE)
    if head[:4] != _ENTRY:
        raise ValueError("an entry of the directory is damaged")
    method = struct.unpack_from("<H", head, 10)[0]
    crc, packed, size, name_length, extra_length, comment_length = struct.unpack_from("<IIIHHH", head, 16)
    offset = struct.unpack_from("<I", head, 42)[0]
    name = _exactly(directory, name_length).decode("utf-8", "replace")
    extra = _exactly(directory, extra_length)
    _exactly(directory, comment_length)
    wide = [value == _FULL for value in (size, packed, offset)]
    if any(wide):
        longs = _zip64(extra)
        size, packed, offset = (
            next(longs) if is_wide else value
            for value, is_wide in zip((size, packed, offset), wide, strict=True)
        )
    return _Entry(name, method, crc, packed, size, offset)


def _zip64(extra: bytes) -> Iterator[int]:
    """Eight-byte numbers of the zip64 field among the extra fields."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            yield from struct.unpack_from(f"<{length // 8}Q", extra, at + 4)
            break
        at += 4 + length
    raise ValueError("a zip64 entry without its numbers")


def _content(file: IO[bytes], entry: _Entry) -> bytes:
    if max(entry.size, entry.packed) > _MAX_MEMBER:
        raise ValueError(f"member {quoted(entry.name)} has {entry.size:,} bytes, no molecule has")
    file.seek(entry.offset)
    head = _exactly(file, _LOCAL_SIZE)
    if head[:4] != _LOCAL:
        raise ValueError(f"member {quoted(entry.name)} is not where the directory says")
    name_length, extra_length = struct.unpack_from("<HH", head, 26)
    file.seek(name_length + extra_length, 1)
    data = _exactly(file, entry.packed)
    if entry.method == _DEFLATED:
        data = zlib.decompressobj(-15).decompress(data, entry.size + 1)
    elif entry.method != _STORED:
        raise ValueError(f"member {quoted(entry.name)} is compressed by the unknown method {entry.method}")
    if len(data) != entry.size or zlib.crc32(data) != entry.crc:
        raise ValueError(f"member {quoted(entry.name)} is damaged")
    return data


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("it ends early")
    return data
