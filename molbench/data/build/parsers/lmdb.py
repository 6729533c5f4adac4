"""Read-only access to an LMDB file that may be damaged or hostile.

The LMDB library trusts its file: it maps it into memory, and a file that is cut short or has a wrong page
number ends the process (bus error) instead of raising. Here every offset is checked before it is followed.
Format: version 1 on 64-bit little-endian machines, lmdb.h and mdb.c of OpenLDAP's LMDB 0.9.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from molbench.errors import UserError

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_HEADER = 16  # bytes: page number, padding, flags, lower and upper end of the free space
_BRANCH, _LEAF, _OVERFLOW = 0x01, 0x02, 0x04
_ON_OVERFLOW_PAGES = 0x01
_NO_PAGE = (1 << 64) - 1
_MAX_KEY = 511
_PAGE_SIZES = tuple(1 << power for power in range(9, 17))


class DamageError(ValueError):
    """The file is not an undamaged LMDB database."""


class Database(Mapping[bytes, bytes]):
    """Main table of an LMDB environment as a mapping, in key order.

    Use it as a context manager. Only places of the values are held in memory.

    Args:
        path: ``data.mdb``, or the folder it lies in.

    Raises:
        UserError: If the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path / "data.mdb" if path.is_dir() else path
        try:
            with self._path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # mmap refuses an empty file with a ValueError
            raise UserError(f"{self._path}: not an LMDB database: {error}") from error
        try:
            self._places = dict(self._walk())
        except (DamageError, struct.error) as error:
            self._data.close()
            raise UserError(f"{self._path}: not an undamaged LMDB database: {error}") from error

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data.close()

    def __getitem__(self, key: bytes) -> bytes:
        start, size = self._places[key]
        return self._data[start : start + size]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _walk(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        """Keys with start and length of their values, by depth-first search of the tree."""
        size, root = self._newest()
        pages = len(self._data) // size
        waiting, seen = [] if root == _NO_PAGE else [root], set()
        while waiting:
            number = waiting.pop()
            if number < 2 or number >= pages or number in seen:
                raise DamageError(f"page {number} of {pages} is out of range or reached twice")
            seen.add(number)
            start = number * size
            flags, lower = struct.unpack_from("<HH", self._data, start + 10)
            if lower < _HEADER or lower > size or flags & (_BRANCH | _LEAF) not in {_BRANCH, _LEAF}:
                raise DamageError(f"page {number} is neither a branch nor a leaf")
            nodes = struct.unpack_from(f"<{(lower - _HEADER) // 2}H", self._data, start + _HEADER)
            if any(node < lower or node + 8 > size for node in nodes):
                raise DamageError(f"page {number} has a node outside of it")
            if flags & _BRANCH:
                waiting += [self._child(start + node) for node in reversed(nodes)]
                continue
            for node in nodes:
                yield self._entry(start + node, start + size, size)

    def _newest(self) -> tuple[int, int]:
        """Page size and root page, from the later of the two meta pages."""
        pages = []
        for at in (0, *_PAGE_SIZES):
            if at + 152 > len(self._data) or struct.unpack_from("<I", self._data, at + 16)[0] != _MAGIC:
                continue
            version = struct.unpack_from("<I", self._data, at + 20)[0]
            size = struct.unpack_from("<I", self._data, at + 40)[0]
            root = struct.unpack_from("<Q", self._data, at + 128)[0]
            transaction = struct.unpack_from("<Q", self._data, at + 144)[0]
            if version == _VERSION and size in _PAGE_SIZES and at in {0, size}:
                pages.append((transaction, size, root))
        if not pages:
            raise DamageError("no meta page of this format")
        return max(pages)[1:]

    def _child(self, at: int) -> int:
        low, middle, high = struct.unpack_from("<HHH", self._data, at)
        return int(low | middle << 16 | high << 32)

    def _entry(self, at: int, end: int, size: int) -> tuple[bytes, tuple[int, int]]:
        """Key and place of the value of one node of the leaf page that ends at ``end``."""
        low, high, flags, key_size = struct.unpack_from("<HHHH", self._data, at)
        length, start = low | high << 16, at + 8 + key_size
        if key_size > _MAX_KEY or start > end or flags & ~_ON_OVERFLOW_PAGES:
            raise DamageError("an entry that is no plain key and value")
        key = self._data[at + 8 : start]
        if flags & _ON_OVERFLOW_PAGES:
            if start + 8 > end:
                raise DamageError(f"the value of {key!r} is nowhere")
            page = struct.unpack_from("<Q", self._data, start)[0]
            end = min(len(self._data), _NO_PAGE)
            start = page * size
            if start + _HEADER > end:
                raise DamageError(f"the value of {key!r} lies behind the end of the file")
            if not struct.unpack_from("<H", self._data, start + 10)[0] & _OVERFLOW:
                raise DamageError(f"the value of {key!r} is not where it should be")
            start += _HEADER
        if start + length > end:
            raise DamageError(f"the value of {key!r} is cut short")
        return key, (start, length)
