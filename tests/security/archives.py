"""Zip archives whose headers may lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

VALUES = struct.pack("<3f", 1, 2, 3)


@dataclass(frozen=True)
class Entry:
    """One entry; what is None is as it should be."""

    name: bytes
    content: bytes
    checksum: int | None = None
    size: int | None = None
    unpacked: int | None = None
    place: int | None = None
    local_name: bytes | None = None
    signature: bytes = b"PK\3\4"
    method: int = 0
    flags: int = 0x800
    version: int = 20
    extra: bytes = b""

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        layout = struct.pack("<5H3I2H", 20, self.flags, self.method, 0, 0, *self.numbers(), len(name), 0)
        return self.signature + layout + name + self.content

    def listed(self, place: int) -> bytes:
        place = place if self.place is None else self.place
        numbers = struct.pack(
            "<6H3I5H2I",
            *(20, self.version, self.flags, self.method, 0, 0),
            *self.numbers(),
            *(len(self.name), len(self.extra), 0, 0, 0, 0, place),
        )
        return b"PK\1\2" + numbers + self.name + self.extra

    def numbers(self) -> tuple[int, int, int]:
        size = len(self.content)
        return (
            zlib.crc32(self.content) if self.checksum is None else self.checksum,
            size if self.size is None else self.size,
            size if self.unpacked is None else self.unpacked,
        )


@dataclass(frozen=True)
class Archive:
    """An archive; what is None is as it should be."""

    entries: tuple[Entry, ...]
    count: int | None = None
    length: int | None = None
    start: int | None = None
    disks: tuple[int, int] = (0, 0)
    comment: bytes = b""
    before: bytes = b""
    behind: bytes = b""
    wide: tuple[int, int, int] | None = None
    locator: int | None = None

    def write(self, path: Path) -> Path:
        """The archive as a file."""
        body, directory = bytearray(self.before), bytearray()
        for entry in self.entries:
            directory += entry.listed(len(body))
            body += entry.local()
        start, count, listed = len(body), len(self.entries), bytes(directory)
        body += listed
        if self.wide is not None or self.locator is not None:
            at = len(body)
            entries, length, first = self.wide or (count, len(listed), start)
            body += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, length, first)
            body += struct.pack("<4sLQL", b"PK\6\7", 0, at if self.locator is None else self.locator, 1)
        count = count if self.count is None else self.count
        numbers = (
            len(listed) if self.length is None else self.length,
            start if self.start is None else self.start,
        )
        end = struct.pack("<4s4H2LH", b"PK\5\6", *self.disks, count, count, *numbers, len(self.comment))
        path.write_bytes(body + end + self.comment + self.behind)
        return path

    def but(self, name: str, /, **changes: object) -> Archive:
        """With one entry changed."""
        entries = (
            replace(entry, **changes) if entry.name == f"c/{name}".encode() else entry  # type: ignore[arg-type]
            for entry in self.entries
        )
        return replace(self, entries=tuple(entries))

    def with_entry(self, name: bytes, content: bytes = b"", /, **changes: object) -> Archive:
        """With one more entry."""
        return replace(self, entries=(*self.entries, Entry(name, content, **changes)))  # type: ignore[arg-type]


def archive(pickle: bytes, values: bytes = VALUES) -> Archive:
    """A sound archive around a pickle, with three floats as its only values."""
    contents = {"data.pkl": pickle, "byteorder": b"little", "data/0": values, "version": b"3\n"}
    return Archive(tuple(Entry(f"c/{name}".encode(), content) for name, content in contents.items()))
