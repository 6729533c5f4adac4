"""NumPy archives read in blocks: an array of a million frames is never in memory as a whole."""

import lzma
import math
import shutil
import tempfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from molbench.errors import UserError, error_line

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    SyntaxError,  # the last two from the header reader of NumPy
    tokenize.TokenError,
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_READ = 1 << 20
_LONGEST_TEXT = 4096


@dataclass(frozen=True)
class Member:
    """One array of the archive, as its header describes it.

    Attributes:
        header: Bytes before the first number.
        columns_first: Whether it is in Fortran order: the entries of one frame are not next to each other.
    """

    key: str
    shape: tuple[int, ...]
    dtype: np.dtype
    header: int
    columns_first: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry along the first axis."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class NpzReader:
    """An ``.npz`` archive whose numeric arrays are streamed along their first axis.

    Made by ``open_npz``. Arrays may be in C or in Fortran order (some published files are in the latter).
    Nothing is ever unpickled.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self._path = path
        self.keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def member(self, key: str) -> Member:
        """Shape and type of one array.

        Raises:
            UserError: If there is no such array, or it cannot be streamed.
        """
        if self.keys.count(key) != 1:
            raise UserError(
                f"{self._path}: no array '{key}'; the arrays are: {', '.join(self.keys) or 'none'}"
            )
        shape, dtype, header, fortran = self._header(key)
        size = self._archive.getinfo(f"{key}.npy").file_size - header
        if dtype.kind not in "fiu":
            raise UserError(f"{self._path}: array '{key}' is of type {dtype}, expected plain numbers")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
            raise UserError(f"{self._path}: array '{key}' of shape {shape} does not fit its {size:,} bytes")
        return Member(key, shape, dtype, header, fortran and len(shape) > 1)

    def text(self, key: str) -> str | None:
        """A single short text, such as the name of a unit; None where there is no such array.

        Raises:
            UserError: If the array is anything else.
        """
        if key not in self.keys:
            return None
        shape, dtype, header, _ = self._header(key)
        if shape != () or dtype.kind not in "SU" or dtype.itemsize > _LONGEST_TEXT:
            raise UserError(
                f"{self._path}: array '{key}' of type {dtype}, shape {shape} is not one short text"
            )
        with self._archive.open(f"{key}.npy") as file:
            data = _exactly(file, header + dtype.itemsize)[header:]
        text = np.frombuffer(data, dtype)[0]
        return text.decode("latin-1") if isinstance(text, bytes) else str(text)

    def verify(self, key: str) -> None:
        """Read one array to its end, which makes the archive compare its checksum.

        Raises:
            UserError: If it differs.
        """
        with self._archive.open(f"{key}.npy") as file:
            while file.read(_READ):
                continue

    def _header(self, key: str) -> tuple[tuple[int, ...], np.dtype, int, bool]:
        """Shape and type, bytes before the first number, and whether columns come first."""
        with self._archive.open(f"{key}.npy") as file:
            version = npy.read_magic(file)
            if version not in _HEADERS:
                raise UserError(f"{self._path}: array '{key}' has the unknown format version {version}")
            with warnings.catch_warnings(action="ignore"):  # files made by Python 2 are no reason to worry
                shape, fortran, dtype = _HEADERS[version](file)
            return shape, dtype, file.tell(), fortran

    def blocks(self, key: str, start: int, stop: int, rows: int) -> Iterator[np.ndarray]:
        """Consecutive blocks of an array.

        Args:
            key: Name of the array.
            start: First row.
            stop: The one after the last.
            rows: Rows of a block.

        Returns:
            Float64 or integer arrays, [up to rows, ...].
        """
        member = self.member(key)
        kind = np.float64 if member.dtype.kind == "f" else np.int64
        with self._archive.open(f"{key}.npy") as file:
            raw = _columns_first if member.columns_first else _rows_first
            for block in raw(file, member, start, stop, rows):
                yield block.astype(kind)

    def array(self, key: str) -> np.ndarray:
        """A small array as a whole."""
        member = self.member(key)
        rows = member.shape[0] if member.shape else 1
        return next(self.blocks(key, 0, rows, max(rows, 1)), np.empty(0))


@contextmanager
def open_npz(path: Path) -> Iterator[NpzReader]:
    """Open an ``.npz`` archive.

    Raises:
        UserError: If it is not one, or is found to be damaged while it is read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield NpzReader(archive, path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise UserError(
            f"{path}: not an undamaged npz archive, it may be cut short: {error_line(error)}"
        ) from error


def _rows_first(file: IO[bytes], member: Member, start: int, stop: int, rows: int) -> Iterator[np.ndarray]:
    file.seek(member.header + start * member.row_bytes)
    for at in range(start, stop, rows):
        count = min(rows, stop - at)
        values = np.frombuffer(_exactly(file, count * member.row_bytes), member.dtype)
        yield values.reshape(count, *member.shape[1:])


def _columns_first(file: IO[bytes], member: Member, start: int, stop: int, rows: int) -> Iterator[np.ndarray]:
    """Blocks of an array in Fortran order, through a temporary file that can be read at any place."""
    columns, width = math.prod(member.shape[1:]), member.dtype.itemsize
    with tempfile.TemporaryFile() as spill:
        file.seek(member.header)
        shutil.copyfileobj(file, spill, _READ)
        for at in range(start, stop, rows):
            count = min(rows, stop - at)
            parts = []
            for column in range(columns):
                spill.seek((column * member.shape[0] + at) * width)
                parts.append(_exactly(spill, count * width))
            values = np.frombuffer(b"".join(parts), member.dtype)
            yield values.reshape(count, *member.shape[1:], order="F")


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EOFError("an array ends early")
    return data
