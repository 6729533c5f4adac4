"""Zip archives that may come from anybody: headers that agree with one another, and checksums that hold."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from molbench.errors import quoted

#: Far more than the tensors of any encoder, and few enough to be listed in no time.
MAX_ENTRIES = 20_000
#: Bytes of all headers together.
MAX_HEADERS = 4 * 2**20
_BLOCK = 2**20
_END, _END64, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")


class Archive:
    """The entries of an archive as ``torch.save`` writes it: stored as they are, one behind the other.

    Nothing is unpacked, so that an archive needs no more memory than it is long.

    Args:
        file: The archive, open for reading, all of it.
        entries: Most entries it may have.
        headers: Most bytes that all of its headers may have.

    Raises:
        ValueError: If its headers contradict one another or its length, or an entry is compressed, encrypted
            or listed twice, or overlaps with another; or if there are too many.
    """

    def __init__(self, file: BinaryIO, *, entries: int = MAX_ENTRIES, headers: int = MAX_HEADERS) -> None:
        count, directory = _directory(file, entries, headers)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error) as error:
            raise ValueError(f"damaged archive: {error}") from error
        listed = self._zip.infolist()
        if len(listed) != count:
            raise ValueError(f"an archive of {count} entries that lists {len(listed)}")
        for entry in listed:
            _check_entry(entry)
        _check_places(file, listed, directory)
        top = f"{listed[0].filename.partition('/')[0]}/" if listed else ""
        self._entries = {entry.filename.removeprefix(top): entry for entry in listed}
        if len(self._entries) != count:
            raise ValueError("an archive that lists an entry twice")

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each entry, by its name below the archive's one folder."""
        return {name: entry.file_size for name, entry in self._entries.items()}

    def verify(self) -> None:
        """Compare every entry with its checksum.

        Raises:
            ValueError: Naming the first that differs.
        """
        for name in self._entries:
            self._read(name, keep=False)

    def read(self, name: str) -> bytearray:
        """The content of an entry.

        Raises:
            ValueError: If there is no such entry, or it differs from its checksum.
        """
        if name not in self._entries:
            raise ValueError(f"no entry {quoted(name)} in the archive")
        return self._read(name, keep=True)

    def _read(self, name: str, *, keep: bool) -> bytearray:
        content = bytearray()
        try:
            with self._zip.open(self._entries[name]) as entry:
                while block := entry.read(_BLOCK):
                    if keep:
                        content += block
        except (zipfile.BadZipFile, EOFError, RuntimeError, struct.error) as error:
            raise ValueError(f"damaged archive: {error}") from error
        return content


def _directory(file: BinaryIO, most: int, longest: int) -> tuple[int, int]:
    """Number of entries, and where their list begins, as the last bytes of the archive say."""
    size = file.seek(0, os.SEEK_END)
    at = size - _END.size
    signature, *disks, _, entries, length, start, comment = _unpack(_END, file, at)
    if signature != b"PK\5\6" or any(disks) or comment:
        raise ValueError("cut short, or no zip archive as torch.save writes it since PyTorch 1.6")
    signature, _, position, _ = _unpack(_LOCATOR, file, at - _LOCATOR.size)
    if signature == b"PK\6\7":
        at -= _LOCATOR.size + _END64.size
        signature, rest, *_, wide_entries, wide_length, wide_start = _unpack(_END64, file, at)
        pairs = (entries, wide_entries, 2**16), (length, wide_length, 2**32), (start, wide_start, 2**32)
        if (signature, rest, position) != (b"PK\6\6", _END64.size - 12, at) or any(
            short not in {wide, limit - 1} for short, wide, limit in pairs
        ):
            raise ValueError("an archive whose last two headers contradict each other")
        entries, length, start = wide_entries, wide_length, wide_start
    if entries > most or length > longest:
        raise ValueError(f"an archive of {entries:,} entries with {length:,} bytes of headers")
    if start + length != at:
        raise ValueError("an archive whose list of entries is not where it should be")
    return entries, start


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    if not 0 < len(name) <= 200 or not name.isprintable() or entry.filename != name:
        raise ValueError(f"an entry with the name {quoted(name)}")
    if entry.compress_type or entry.compress_size != entry.file_size:
        # torch.save stores its entries as they are; a compressed one may unpack to any size.
        raise ValueError(f"'{name}' is compressed, which torch.save never does")
    if entry.flag_bits & 1:
        raise ValueError(f"'{name}' is encrypted")


def _check_places(file: BinaryIO, entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Each entry must end before the next begins, the last before the list of all."""
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    starts = [entry.header_offset for entry in ordered]
    for entry, end in zip(ordered, [*starts[1:], directory], strict=True):
        signature, *_, name, extra = _unpack(_LOCAL, file, entry.header_offset)
        first = entry.header_offset + _LOCAL.size + name + extra
        if signature != b"PK\3\4" or first + entry.file_size > end:
            raise ValueError(f"'{entry.filename}' is not where the archive says, or overlaps with another")


def _unpack(layout: struct.Struct, file: BinaryIO, at: int) -> tuple[Any, ...]:
    if at < 0:
        return (b"", *[0] * (len(layout.unpack(bytes(layout.size))) - 1))
    file.seek(at)
    content = file.read(layout.size)
    if len(content) != layout.size:
        raise ValueError("an archive that is cut short")
    return layout.unpack(content)
