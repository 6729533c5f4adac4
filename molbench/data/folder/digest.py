"""A content digest that does not depend on how the content is stored.

The bytes of a Parquet file change with its writer's version, its row groups and its compression. The digest
here is taken over the values themselves, column by column in source order, so that two builds of the same
input agree whatever the chunking, the number of processes or the version of pyarrow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def spell(kind: pa.DataType) -> str:
    """Name of an Arrow type without what varies between writers: ``list<fixed<float,3>>``."""
    if pa.types.is_fixed_size_list(kind):
        return f"fixed<{spell(kind.value_type)},{kind.list_size}>"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{spell(kind.value_type)}>"
    return str(kind).removeprefix("large_")


class ContentDigest:
    """SHA-256 of a table that is fed piece by piece in source order."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = {field.name: _Column(field.type) for field in schema}

    def update(self, table: pa.Table) -> None:
        """Feed the next rows of some or all columns."""
        for name in table.column_names:
            for chunk in table.column(name).chunks:
                self._columns[name].update(chunk)

    @property
    def size(self) -> int:
        """Bytes hashed so far: the size of the content, as independent of storage as the digest."""
        return sum(column.size for column in self._columns.values())

    def hexdigest(self) -> str:
        """The digest of everything fed so far."""
        columns = {name: column.summary() for name, column in sorted(self._columns.items())}
        return sha256(json.dumps(columns).encode()).hexdigest()


class _Column:
    """Running hashes of one column: which rows are null, the lengths at each level, and the values."""

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._streams = {name: sha256() for name in ("valid", "values", *_length_streams(kind))}
        self.size = 0

    def update(self, array: pa.Array) -> None:
        self._put("valid", np.asarray(array.is_valid(), dtype=np.uint8).tobytes())
        self._feed(array, level=0)

    def summary(self) -> list[str]:
        return [
            spell(self._kind),
            *(f"{name}:{self._streams[name].hexdigest()}" for name in sorted(self._streams)),
        ]

    def _feed(self, array: pa.Array, level: int) -> None:
        kind = array.type
        if pa.types.is_fixed_size_list(kind):
            self._feed(array.flatten(), level + 1)
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            self._lengths(pc.list_value_length(array), level)
            self._feed(array.flatten(), level + 1)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            filled = pc.fill_null(array, "")
            self._lengths(pc.binary_length(filled), level)
            self._put("values", "".join(filled.to_pylist()).encode())
        else:
            values = pc.fill_null(array, False if pa.types.is_boolean(kind) else 0).to_numpy(
                zero_copy_only=False
            )
            self._put("values", values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())

    def _lengths(self, lengths: pa.Array, level: int) -> None:
        self._put(
            f"lengths{level}", pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype("<i8").tobytes()
        )

    def _put(self, stream: str, content: bytes) -> None:
        self._streams[stream].update(content)
        self.size += len(content)


def _length_streams(kind: pa.DataType, level: int = 0) -> list[str]:
    """Streams of lengths that values of a type need: one a level of nesting that is not of fixed length."""
    if pa.types.is_fixed_size_list(kind):
        return _length_streams(kind.value_type, level + 1)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [f"lengths{level}", *_length_streams(kind.value_type, level + 1)]
    return [f"lengths{level}"] if pa.types.is_string(kind) or pa.types.is_large_string(kind) else []


def assignment_digest(ids: Iterable[str], labels: Iterable[str]) -> str:
    """SHA-256 of the lines ``id<TAB>split`` sorted by id: it does not depend on the order of the rows."""
    lines = sorted(f"{i}\t{label}\n" for i, label in zip(ids, labels, strict=True))
    return sha256("".join(lines).encode()).hexdigest()
