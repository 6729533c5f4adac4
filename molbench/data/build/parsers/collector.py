"""Records collected one at a time until there are enough for a chunk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Failure
from molbench.data.build.parsers.text import SURROGATES, printable


class Collector:
    """Puts records of any schema together.

    Args:
        schema: Columns of the table.
        most: Records and failures that make a chunk.
    """

    def __init__(self, schema: pa.Schema, most: int = CHUNK_RECORDS) -> None:
        self._schema = schema
        self._most = most
        self._types = {field.name: field.type for field in schema}
        self._lists = {name: kind for name, kind in self._types.items() if pa.types.is_nested(kind)}
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self._failures: list[Failure] = []
        self._places: list[str] = []

    @contextmanager
    def record(self, identifier: str, where: str) -> Iterator[None]:
        """Read one record and add it; a ``ValueError`` on the way makes it a failure.

        Args:
            identifier: The record's id as far as it is known.
            where: File and place in it.
        """
        try:
            yield
        except ValueError as error:
            self.fail(identifier, where, str(error))

    def add(self, identifier: str, where: str, **values: Any) -> None:
        """Add one record, or a failure if a text of it cannot be written as UTF-8.

        Args:
            identifier: Value of the column ``id``.
            where: File and place.
            **values: Value of each other column; vectors of atoms may be flat. What is no column is left out.
        """
        values["id"] = identifier
        with np.errstate(over="ignore", invalid="ignore"):
            for name, kind in self._lists.items():
                values[name] = _entries_of(values[name], kind)
        stored = [values[name] for name in self._columns]
        for name, value in zip(self._columns, stored, strict=True):
            if isinstance(value, str) and _unwritable(value):
                self.fail(identifier, where, f"{name} holds text that is no UTF-8")
                return
        self._places.append(where)
        for column, value in zip(self._columns.values(), stored, strict=True):
            column.append(value)

    def fail(self, identifier: str, where: str, reason: str) -> None:
        """Count one record that could not be read."""
        self._failures.append(Failure(printable(identifier), where, reason))

    def when_full(self) -> Iterator[Chunk]:
        """The chunk, once there is enough in it."""
        if len(self._places) + len(self._failures) >= self._most:
            yield self.take()

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        arrays = [_column(self._columns[name], kind) for name, kind in self._types.items()]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        chunk = Chunk(table, tuple(self._failures), tuple(self._places))
        self._columns = {name: [] for name in self._columns}
        self._failures, self._places = [], []
        return chunk


def _entries_of(value: Any, kind: pa.DataType) -> np.ndarray:
    """A list column's entries as an array of the stored type, [n], or [n, size] where they are lists too."""
    inner = kind.value_type
    if pa.types.is_fixed_size_list(inner):
        return np.asarray(value, inner.value_type.to_pandas_dtype()).reshape(-1, inner.list_size)
    return np.asarray(value, inner.to_pandas_dtype())


def _unwritable(text: str) -> bool:
    return not text.isascii() and SURROGATES.search(text) is not None


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_nested(kind):
        return pa.array(values, kind)
    if pa.types.is_fixed_size_list(kind):
        return _entries(values, kind)
    offsets = pa.array(np.cumsum([0, *map(len, values)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, _entries(values, kind.value_type))


def _entries(values: Sequence[np.ndarray], kind: pa.DataType) -> pa.Array:
    """Entries of all lists one behind the other."""
    if pa.types.is_fixed_size_list(kind):
        flat = _entries([value.ravel() for value in values], kind.value_type)
        return pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
    return pa.array(np.concatenate([np.empty(0, kind.to_pandas_dtype()), *values]), kind)
