"""ATOM3D's LMDB databases, read one after the other.

Layout: Townshend et al., ATOM3D, NeurIPS Datasets and Benchmarks (2021), as its own tools write it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from molbench.data.build.parsers.atom3d_frames import decode_record, text_field
from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.complexes import (
    CHUNK_COMPLEXES,
    LigandPocket,
    complex_schema,
    complex_values,
)
from molbench.data.build.parsers.lmdb import Database
from molbench.data.build.parsers.pocket import PocketRule
from molbench.data.build.parsers.text import whole
from molbench.errors import UserError

_KEYS_BESIDE_RECORDS = 2  # the two that are read here; id_to_idx is not needed


@dataclass(frozen=True)
class Atom3d(Parser):
    """One of ATOM3D's datasets.

    Class attributes:
        columns: Columns beyond those of every complex.

    Attributes:
        records: Source keys of the databases that are read, all by default.
        pocket: Which atoms of the protein.
    """

    columns: ClassVar[tuple[str, ...]]
    records: list[str] | None = None
    pocket: PocketRule = "stored"

    @abstractmethod
    def convert(self, record: Mapping[str, Any]) -> tuple[list[LigandPocket], dict[str, Any]]:
        """Structures of a record and the values of its other columns.

        Raises:
            ValueError: If the record lacks something.
        """

    def schema(self) -> pa.Schema:
        """Columns of a complex and the dataset's own."""
        return complex_schema(*self.columns)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of records, counted through all databases."""
        return even_bounds(database_bounds(database_paths(files, self.records))[-1], count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of records."""
        chunk = Collector(self.schema(), CHUNK_COMPLEXES)
        for value, where in database_records(database_paths(shard.files, self.records), shard):
            with chunk.record("", where):
                record = decode_record(value)
                identifier = text_field(record, "id")
                with chunk.record(identifier, where):
                    structures, values = self.convert(record)
                    chunk.add(identifier, where, **complex_values(structures), **values)
            yield from chunk.when_full()
        yield chunk.take()


def database_paths(files: Mapping[str, Path], records: Sequence[str] | None) -> dict[str, Path]:
    """Databases that hold the records, by source key in order: those named, or all there are.

    Raises:
        UserError: If one is not among the files, or there is none.
    """
    keys = records or [key for key, path in files.items() if path.name.endswith(".mdb")]
    if missing := [key for key in keys if key not in files]:
        raise UserError(f"source '{missing[0]}' is missing; there are: {', '.join(files) or 'none'}")
    if not keys:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        raise UserError(f"an ATOM3D database (data.mdb) is missing; given: {names}")
    return {key: files[key] for key in keys}


def record_count(database: Database, path: Path) -> int:
    """Number of records of a database whose format can be read.

    Raises:
        UserError: If it is no ATOM3D database, or its records are not JSON.
    """
    try:
        form = database[b"serialization_format"].decode("utf-8", "replace")
        count = whole(database[b"num_examples"])
    except KeyError as error:
        raise UserError(f"{path}: not an ATOM3D database: no key {error}") from None
    except ValueError:
        raise UserError(f"{path}: num_examples is not a number") from None
    if form != "json":
        raise UserError(
            f"{path}: records are written as {form[:40]!r}, only 'json' is read: unpickling can run code of "
            "whoever wrote the file; get the archive with JSON records"
        )
    if not 0 < count <= len(database) - _KEYS_BESIDE_RECORDS:
        raise UserError(f"{path}: {count} records announced, but {len(database)} keys are there: cut short")
    return count


def database_bounds(paths: Mapping[str, Path]) -> list[int]:
    """Number of the first record of each database when they are read one after the other, and their total."""
    counts = []
    for path in paths.values():
        with Database(path) as database:
            counts.append(record_count(database, path))
    return [0, *accumulate(counts)]


def database_records(paths: Mapping[str, Path], shard: Shard) -> Iterator[tuple[bytes | None, str]]:
    """Compressed records of a shard, None for one that is missing, and where each is."""
    for (name, path), (first, last) in zip(paths.items(), pairwise(database_bounds(paths)), strict=True):
        numbers = range(max(shard.start, first), min(shard.stop, last))
        if not numbers:
            continue
        with Database(path) as database:
            for number in numbers:
                key = str(number - first).encode()
                yield database.get(key), f"{name}, record {key.decode()}"
