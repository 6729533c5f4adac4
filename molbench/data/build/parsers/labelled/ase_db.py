"""ASE databases in SQLite, read as tables of numbers: no object of anybody's is ever made.

The layout is that of ASE's ``ase.db.sqlite``: arrays are little-endian blobs of int32 and float64, key-value
pairs are JSON, and ``data`` is JSON, or arrays in front of JSON that tells where each lies.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from molbench.data.build.parsers.base import only_file
from molbench.data.build.parsers.labelled.frames import LabelledFrames, Structure
from molbench.errors import UserError, error_line

SUFFIXES = (".db",)
COLUMNS = ("energy", "free_energy", "charge", "magmom")
"""Labels that are columns of the database itself."""

_UNITS = {"energy": "eV", "free_energy": "eV", "forces": "eV/Å"}
_HEADER = 8
_LARGEST = 64 << 20
_file = partial(only_file, suffixes=SUFFIXES, what="the ASE database")


@dataclass(frozen=True)
class AseDatabase(LabelledFrames):
    """One record a row; labels are energies, key-value pairs, or numbers in ``data``.

    Forces are ``forces``, the column of the database, or an array in ``data``.
    """

    name = "ase-db"
    nothing = "no rows"

    def file(self, files: Mapping[str, Path]) -> Path:
        """The database."""
        return _file(files)

    def structures(self, path: Path) -> Iterator[tuple[str, str, Callable[[], Structure]]]:
        """Every row."""
        for number, row in read_systems(path):
            yield f"row {number}", f"row {number:,}", partial(self._row, row)

    def _row(self, row: Mapping[str, Any]) -> Structure:
        values = row_values(row)
        columns = self._columns(row, values)
        return {name: str(value) for name, value in values.items() if np.ndim(value) == 0}, columns

    def _columns(self, row: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        if row["pbc"]:
            raise ValueError("periodic; only molecules are read")
        numbers = _array(row["numbers"], "<i4", "numbers")
        positions = _array(row["positions"], "<f8", "positions")
        if not numbers.size or positions.size != 3 * numbers.size:
            raise ValueError(f"{numbers.size} atomic numbers and {positions.size / 3:g} positions")
        if numbers.min() < 1 or numbers.max() > 118:
            raise ValueError(
                f"{int(numbers.min() if numbers.min() < 1 else numbers.max())} is no atomic number"
            )
        columns: dict[str, Any] = {"atomic_numbers": numbers, "positions": positions}
        if self.forces:
            forces = np.asarray(values.get(self.forces), dtype=np.float64)
            if forces.size != positions.size:
                raise ValueError(f"no forces of {numbers.size} atoms in '{self.forces}'")
            columns["forces"] = forces.ravel()
        return columns


def read_systems(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and columns of every row.

    Raises:
        UserError: If the file is no undamaged database of ASE.
    """
    with _database(path) as database:
        database.execute("PRAGMA trusted_schema = OFF")
        kinds = database.execute("SELECT type, sql FROM sqlite_schema WHERE name = 'systems'").fetchall()
        if [kind for kind, _ in kinds] != ["table"] or "virtual" in str(kinds[0][1]).lower():
            raise UserError(f"{path}: not an ASE database: no table 'systems'")
        cursor = database.execute("SELECT * FROM systems ORDER BY id")
        names = [column[0] for column in cursor.description]
        if missing := [name for name in ("numbers", "positions", "pbc") if name not in names]:
            raise UserError(f"{path}: not an ASE database: no column {missing[0]}")
        for number, row in enumerate(cursor, start=1):
            values = dict(zip(names, row, strict=True))
            yield values["id"] if isinstance(values["id"], int) else number, values


def row_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """Everything in a row that may be a label, by name; key-value pairs win over ``data``.

    Raises:
        ValueError: If a part of it is damaged.
    """
    values = _data(row.get("data"))
    columns = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    if row.get("initial_charges") is None:
        columns.pop("charge", None)  # ASE writes 0 where nothing was said of charges
    values |= columns
    if isinstance(row.get("forces"), bytes):
        values["forces"] = _array(row["forces"], "<f8", "forces")
    return values | _json(row.get("key_value_pairs") or "{}")


def row_units(row: Mapping[str, Any]) -> dict[str, str]:
    """Units of what ASE itself has computed or stored; whatever else users call energy may be in any."""
    return {name: unit for name, unit in _UNITS.items() if row.get(name) is not None}


def _data(blob: Any) -> dict[str, Any]:
    """What is in ``data``: JSON, or the place of JSON, arrays, and the JSON."""
    if not isinstance(blob, bytes):
        return _json(blob or "{}")
    start = int.from_bytes(blob[:_HEADER], "little")
    if not _HEADER <= start <= len(blob):
        return {}
    return {name: _unpacked(value, blob) for name, value in _json(blob[start:]).items()}


def _unpacked(value: Any, blob: bytes) -> Any:
    packed = value.get("__ndarray__") if isinstance(value, dict) else None
    if packed is None:
        return value
    try:
        shape, kind, offset = packed
        dtype = np.dtype(str(kind)).newbyteorder("<")
        if dtype.kind not in "fiu" or min(shape, default=0) < 0:
            return None
        return np.frombuffer(blob, dtype, math.prod(shape), int(offset)).reshape(shape)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("an array in data is damaged") from None


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("key-value pairs or data that are no JSON") from None
    return values if isinstance(values, dict) else {}


def _array(blob: Any, kind: str, name: str) -> np.ndarray:
    if not isinstance(blob, bytes) or len(blob) % np.dtype(kind).itemsize or len(blob) > _LARGEST:
        raise ValueError(f"{name} are missing or damaged")
    return np.frombuffer(blob, kind)


@contextmanager
def _database(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not an undamaged ASE database: {error_line(error)}") from error
