"""Columns of a file of predictions, read once its header says that types are right and they fit in memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.errors import UserError, quoted

#: Type of the column of cluster names.
CLUSTERS = pa.list_(pa.string())

#: Far more than any test split has: rows, numbers of one column, and bytes of all columns once unpacked. A
#: value that repeats takes no place in a file, so that its size says nothing of what it takes to read.
_MOST_ROWS, _MOST_NUMBERS, _MOST_BYTES = 1 << 21, 1 << 27, 1 << 32
_LONGEST_ID = 500
_NEEDED = ("id", "target", "prediction", "unit")
_USED = [*_NEEDED, "force_target", "force_prediction", "force_unit", "cluster"]


def read_predicted(path: Path, records: int | None = None) -> pa.Table:
    """The columns of a file of predictions, in one chunk each.

    Args:
        path: The file.
        records: Records that it should be of, where that is known.

    Raises:
        UserError: If there are far more rows, a column is missing, or is of another type.
        OSError: If the file cannot be read.
        pyarrow.ArrowException: If it is damaged.
    """
    most = _MOST_ROWS if records is None else min(_MOST_ROWS, 2 * records + 1000)
    # Such files are small, and there may be thousands: what helps with large ones takes longer than reading.
    with pq.ParquetFile(path, read_dictionary=["id"], pre_buffer=False) as file:
        _refuse_excess(path, file.metadata, most)
        _refuse_types(path, file.schema_arrow)
        table = file.read(columns=_USED, use_threads=False).unify_dictionaries()
    ids = table.column("id").combine_chunks()
    if ids.null_count:
        raise UserError(f"{path}: a record has no id")
    if pa.types.is_dictionary(ids.type):
        if (pc.max(pc.binary_length(ids.dictionary)).as_py() or 0) > _LONGEST_ID:
            raise UserError(f"{path}: an id is longer than {_LONGEST_ID} bytes")
        ids = ids.cast(ids.type.value_type)
    return table.set_column(table.column_names.index("id"), "id", ids).combine_chunks()


def _refuse_excess(path: Path, meta: pq.FileMetaData, most: int) -> None:
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(meta.num_columns)]
    numbers = sum(chunk.num_values for chunk in chunks)
    size = sum(chunk.total_uncompressed_size for chunk in chunks)
    if meta.num_rows > most or numbers > _MOST_NUMBERS or size > _MOST_BYTES:
        raise UserError(
            f"{path}: {meta.num_rows:,} rows and {numbers:,} values are far more than a test split has"
        )


def _refuse_types(path: Path, schema: pa.Schema) -> None:
    if missing := [name for name in _NEEDED if name not in schema.names]:
        raise UserError(f"{path}: damaged predictions: no column '{missing[0]}'")
    for field in schema:
        expected = _expected(field.name, field.type)
        if expected is not None:
            held = quoted(str(field.type))[1:-1]
            raise UserError(f"{path}: column {quoted(field.name)} holds {held}, not {expected}")


def _expected(name: str, kind: pa.DataType) -> str | None:
    """What a column should hold, where it holds something else."""
    if name in {"id", "unit", "force_unit"}:
        return None if _is_text(kind) else "text"
    if name in {"target", "prediction"}:
        some = kind.value_type if pa.types.is_fixed_size_list(kind) else kind
        return None if _is_number(some) else "numbers"
    if name in {"force_target", "force_prediction"}:
        return None if pa.types.is_list(kind) and _is_number(kind.value_type) else "lists of numbers"
    return None


def _is_text(kind: pa.DataType) -> bool:
    some = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(some) or pa.types.is_large_string(some))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
