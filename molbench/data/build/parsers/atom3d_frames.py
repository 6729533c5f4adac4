"""One record of ATOM3D: gzipped JSON whose tables are dicts of columns and rows.

The type names that a record carries are Python's at the time of writing and are not looked at.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from molbench.data.build.parsers.complexes import Atoms, atomic_numbers
from molbench.errors import error_line

MAX_RECORD_BYTES = 64 << 20
"""Largest decompressed record; a protein of twenty thousand atoms has about 4 MiB."""

_POSITION = ("x", "y", "z")
_RESIDUE = ("chain", "residue", "insertion_code", "resname")
_GZIP = 31  # zlib's window bits for a gzip header


def decode_record(value: bytes | None) -> dict[str, Any]:
    """One record of a database.

    Raises:
        ValueError: If it is missing, damaged, too large or no JSON object.
    """
    if value is None:
        raise ValueError("the record is missing")
    stream = zlib.decompressobj(_GZIP)
    try:
        text = stream.decompress(value, MAX_RECORD_BYTES)
    except zlib.error as error:
        raise ValueError(f"not gzip: {error_line(error)}") from None
    if not stream.eof:
        large = len(text) >= MAX_RECORD_BYTES
        raise ValueError(f"larger than {MAX_RECORD_BYTES >> 20} MiB" if large else "cut short")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error_line(error)}") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return record


def text_field(record: Mapping[str, Any], name: str) -> str:
    """A field that holds text.

    Raises:
        ValueError: If it is missing, empty or something else; what there is instead is named.
    """
    value = record.get(name)
    if not isinstance(value, str) or not value:
        there = ", ".join(str(key)[:40] for key in list(record)[:12])
        raise ValueError(f"no text in '{name}'; the record has {there}")
    return checked_text(value)


def checked_text(value: str) -> str:
    """Text that can be written as UTF-8, which JSON does not promise.

    Raises:
        ValueError: If it holds half of a surrogate pair.
    """
    value.encode()
    return value


def frame_atoms(record: Mapping[str, Any], name: str) -> tuple[Atoms, np.ndarray]:
    """Atoms of one table of a record.

    Args:
        record: The record.
        name: Key of the table.

    Returns:
        The atoms, a new residue wherever chain, residue, insertion code or name change; and the chain of
        each, [N] object.

    Raises:
        ValueError: If the table or a column is missing, rows differ in length, an element is unknown, or a
            coordinate is no number.
    """
    columns = _columns(record, name)
    coordinates = np.array([_numbers(columns, axis, name) for axis in _POSITION], dtype=np.float64)
    residues = list(zip(*(map(str, columns[part]) for part in _RESIDUE), strict=True))
    first: dict[tuple[str, ...], int] = {}
    number = [first.setdefault(residue, len(first)) for residue in residues]
    try:
        numbers = atomic_numbers(columns["element"])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    atoms = Atoms(
        numbers,
        coordinates.T,
        np.array(number, dtype=np.int32),
        np.array([checked_text(residue[-1].strip()) for residue in residues], dtype=object),
    )
    return atoms, np.array([residue[0].strip() for residue in residues], dtype=object)


def _columns(record: Mapping[str, Any], name: str) -> dict[str, tuple[Any, ...]]:
    """Columns of a table by name; other columns than those needed may be missing."""
    table = record.get(name)
    if not isinstance(table, dict) or not {"columns", "data"} <= table.keys():
        there = ", ".join(str(key)[:40] for key in list(record)[:12])
        raise ValueError(f"no table '{name}'; the record has {there}")
    names, rows = table["columns"], table["data"]
    if not isinstance(names, list) or not isinstance(rows, list):
        raise ValueError(f"{name}: columns and data are not lists")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise ValueError(f"{name}: a row has not one value for each of the {len(names)} columns")
    values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    columns = {str(column): entries for column, entries in zip(names, values, strict=True)}
    if missing := [column for column in (*_POSITION, *_RESIDUE, "element") if column not in columns]:
        raise ValueError(f"{name}: no column '{missing[0]}'")
    return columns


def _numbers(columns: Mapping[str, tuple[Any, ...]], column: str, name: str) -> list[float]:
    values = columns[column]
    if any(not isinstance(value, int | float) or isinstance(value, bool) for value in values):
        raise ValueError(f"{name}: '{column}' holds something that is no number")
    try:
        return [float(value) for value in values]
    except OverflowError:
        raise ValueError(f"{name}: '{column}' holds a number that is too large") from None
