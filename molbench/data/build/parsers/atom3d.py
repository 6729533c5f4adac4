"""ATOM3D's LMDB databases, read one after the other.

Layout: Townshend et al., ATOM3D, NeurIPS Datasets and Benchmarks (2021), as its own tools write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.atom3d_frames import decode_record, text_field
from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards
from molbench.data.build.parsers.complexes import Complex, ComplexChunk, complex_schema
from molbench.data.build.parsers.lmdb import Database
from molbench.data.build.parsers.pocket import check_pocket_rule
from molbench.data.build.parsers.text import whole
from molbench.errors import UserError

_KEYS_BESIDE_RECORDS = 2  # the two that are read here; id_to_idx is not needed

Convert = Callable[[Mapping[str, Any], str], tuple[list[Complex], dict[str, Any]]]
"""From a record and the pocket rule to its structures and the values of the other columns."""


@dataclass(frozen=True)
class Atom3d:
    """Parser of one of ATOM3D's datasets.

    Option ``records`` names the source keys of the databases that are read, all by default. Option ``pocket``
    is ``stored`` for the atoms that the file has, or ``geossl`` for the rule of
    :func:`~molbench.data.build.parsers.pocket.geossl_pocket`.

    Attributes:
        name: Name of the parser.
        columns: Columns beyond those of every complex.
        convert: Reads one record; raises ValueError where that fails.
    """

    name: str
    columns: tuple[str, ...]
    convert: Convert

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Columns of a complex and the dataset's own."""
        check_options(self.name, options, {"records": list, "pocket": str})
        check_pocket_rule(options.get("pocket", "stored"))
        return complex_schema(*self.columns)

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of records, counted through all databases."""
        self.schema(options)
        total = database_bounds(database_paths(files, options))[-1]
        return make_shards(self.name, files, options, even_bounds(total, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of records."""
        chunk = ComplexChunk(self.schema(shard.options))
        rule = shard.options.get("pocket", "stored")
        for value, where in database_records(database_paths(shard.paths, shard.options), shard):
            identifier = ""
            try:
                record = decode_record(value)
                identifier = text_field(record, "id")
                structures, values = self.convert(record, rule)
                chunk.add_complex(identifier, where, structures, **values)
            except ValueError as error:
                chunk.fail(identifier, where, str(error))
            if chunk.full:
                yield chunk.take()
        if len(chunk):
            yield chunk.take()


def database_paths(files: Mapping[str, Path], options: Mapping[str, Any]) -> dict[str, Path]:
    """Databases that hold the records, by source key in order: those of option ``records``, or all there are.

    Raises:
        UserError: If one is not among the files, or there is none.
    """
    wanted = options.get("records", [key for key, path in files.items() if path.name.endswith(".mdb")])
    if missing := [key for key in wanted if key not in files]:
        raise UserError(f"source '{missing[0]}' is missing; there are: {', '.join(files) or 'none'}")
    if not wanted:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        raise UserError(f"an ATOM3D database (data.mdb) is missing; given: {names}")
    return {key: files[key] for key in wanted}


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
    stop = shard.stop
    for (name, path), (first, last) in zip(paths.items(), pairwise(database_bounds(paths)), strict=True):
        wanted = range(max(shard.start, first), last if stop is None else min(stop, last))
        if not wanted:
            continue
        with Database(path) as database:
            for number in wanted:
                key = str(number - first).encode()
                yield database.get(key), f"{name}, record {key.decode()}"
