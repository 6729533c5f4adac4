"""Parquet files that are in record columns already."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.data.build.parsers.base import (
    CHUNK_RECORDS,
    Chunk,
    Failure,
    Parser,
    Shard,
    even_bounds,
    only_file,
)
from molbench.data.build.parsers.columns import UNBOUND, record_schema
from molbench.data.build.parsers.parquet import undamaged
from molbench.data.records import required_columns
from molbench.errors import UserError

_file = partial(only_file, suffixes=(".parquet",), what="the Parquet file of records")


@dataclass(frozen=True)
class RecordsParser(Parser):
    """Checks types and every record; further columns of the file are ignored.

    Attributes:
        columns: Names of the columns beyond ``id``, ``atomic_numbers`` and ``positions``, or for pairs beyond
            ``id``, with ``a_smiles`` and ``b_smiles`` among them; one that is no record column is a target.
        where: Column to the one value its rows must have, so that one file serves all subsets of a dataset.
        spectra: Columns of spectra to their number of points.
    """

    name = "records"
    columns: list[str] = dataclasses.field(default_factory=list)
    where: dict[str, Any] = dataclasses.field(default_factory=dict)
    spectra: dict[str, int] = dataclasses.field(default_factory=dict)

    def schema(self) -> pa.Schema:
        """The required columns and those of the option ``columns``."""
        schema = record_schema(*self.columns)
        for name, points in self.spectra.items():
            schema = schema.append(pa.field(name, pa.list_(pa.float32(), points)))
        return schema

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of row groups, once names and types of the columns are found right."""
        path, schema = _file(files), self.schema()
        with undamaged(path), pq.ParquetFile(path) as file:
            stored, groups, rows = file.schema_arrow, file.num_row_groups, file.metadata.num_rows
        if missing := [name for name in (*schema.names, *self.where) if name not in stored.names]:
            raise UserError(
                f"{path}: no column {', '.join(missing)}; the columns are: {', '.join(stored.names)}"
            )
        for column in schema:
            kind = stored.field(column.name).type
            if not _fits(kind, column.type):
                raise UserError(f"{path}: column '{column.name}' is {kind}, expected {column.type}")
        if rows == 0:
            raise UserError(f"{path}: no records")
        return even_bounds(groups, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of row groups."""
        path, schema = _file(shard.files), self.schema()
        read = [*schema.names, *(name for name in self.where if name not in schema.names)]
        with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            at = sum(file.metadata.row_group(i).num_rows for i in range(shard.start))
            groups = list(range(shard.start, shard.stop))
            for batch in file.iter_batches(CHUNK_RECORDS, row_groups=groups, columns=read):
                table = pa.Table.from_batches([batch])
                rows = np.arange(at, at + len(batch))
                for name, value in self.where.items():
                    matches = pc.equal(table.column(name), value)
                    table, rows = table.filter(matches), rows[_mask(matches)]
                table = table.select(schema.names).cast(schema)
                table.validate(full=True)
                yield _checked(table, tuple(f"{path.name}, row {row:,}" for row in rows.tolist()))
                at += len(batch)


def _fits(stored: pa.DataType, declared: pa.DataType) -> bool:
    """Whether a cast keeps the meaning: the same nesting around numbers of any width, or text."""
    if pa.types.is_nested(declared) or pa.types.is_nested(stored):
        fixed = pa.types.is_fixed_size_list(stored)
        if not (
            pa.types.is_list(stored) or pa.types.is_large_list(stored) or fixed
        ) or not pa.types.is_nested(declared):
            return False
        if fixed and pa.types.is_fixed_size_list(declared) and stored.list_size != declared.list_size:
            return False
        return _fits(stored.value_type, declared.value_type)
    if pa.types.is_floating(declared):
        return bool(pa.types.is_floating(stored))
    if pa.types.is_integer(declared):
        return bool(pa.types.is_integer(stored))
    if pa.types.is_boolean(declared):
        return bool(pa.types.is_boolean(stored))
    return bool(pa.types.is_string(stored) or pa.types.is_large_string(stored))


def _checked(table: pa.Table, places: tuple[str, ...]) -> Chunk:
    """Complete records of a table, and a failure for each of the others."""
    problems: dict[int, str] = {}

    def note(rows: np.ndarray, reason: str) -> None:
        for row in np.flatnonzero(rows).tolist():
            problems.setdefault(row, reason)

    columns = {field: table.column(field).combine_chunks() for field in table.column_names}
    for field in required_columns(columns):
        note(_mask(pc.is_null(columns[field])), f"{field} is missing")
    note(_mask(pc.equal(columns["id"], "")), "id is empty")
    atoms = np.zeros(len(table), dtype=np.int64)
    if "atomic_numbers" in columns:
        numbers = columns["atomic_numbers"]
        atoms = _lengths(numbers)
        note(atoms == 0, "a molecule without atoms")
        sound = pc.and_(
            pc.greater_equal(pc.list_flatten(numbers), 1), pc.less_equal(pc.list_flatten(numbers), 118)
        )
        note(_rows_with(numbers, sound), "atomic_numbers holds something that is no element")
    for field, values in columns.items():
        if pa.types.is_floating(values.type):
            note(
                _mask(pc.invert(pc.fill_null(pc.is_finite(values), False))),
                f"{field} is missing or not finite",
            )
        elif pa.types.is_fixed_size_list(values.type):
            whole = _mask(pc.is_valid(values))
            fine = whole.copy()
            numbers_of_whole = values.filter(pa.array(whole)).flatten()
            fine[whole] = _mask(pc.is_finite(numbers_of_whole)).reshape(-1, values.type.list_size).all(axis=1)
            note(~fine, f"{field} is missing or holds a number that is not finite")
        elif pa.types.is_list(values.type) and field != "atomic_numbers":
            if field not in UNBOUND:
                note(_lengths(values) != atoms, f"{field} has not as many entries as there are atoms")
            flat, owner = pc.list_flatten(values), values
            if pa.types.is_fixed_size_list(flat.type):
                inner = pc.fill_null(pc.is_finite(pc.list_flatten(flat)), False)
                whole = _mask(pc.is_valid(flat))
                fine = whole.copy()
                fine[whole] = _mask(inner).reshape(-1, flat.type.list_size).all(axis=1)
            else:
                numeric = pa.types.is_floating(flat.type)
                fine = _mask(pc.is_finite(flat) if numeric else pc.is_valid(flat))
            note(_rows_with(owner, fine), f"{field} holds a number that is missing or not finite")
    if not problems:
        return Chunk(table, (), places)
    ids = table.column("id").to_pylist()
    failures = tuple(Failure(ids[row] or "", places[row], reason) for row, reason in sorted(problems.items()))
    keep = np.ones(len(table), dtype=bool)
    keep[list(problems)] = False
    return Chunk(table.filter(pa.array(keep)), failures, tuple(compress(places, keep.tolist())))


def _mask(values: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _lengths(values: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False))


def _rows_with(values: pa.Array, fine: Any) -> np.ndarray:
    """Rows of a list column that own an entry which is not fine."""
    bad = ~(fine if isinstance(fine, np.ndarray) else _mask(fine))
    owners = np.asarray(pc.list_parent_indices(values).to_numpy(zero_copy_only=False))
    rows = np.zeros(len(values), dtype=bool)
    rows[owners[bad]] = True
    return rows
