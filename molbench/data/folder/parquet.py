"""Whole Parquet files as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

#: Rows up to which waiting for further threads takes longer than reading.
_FEW = 20_000


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one file; PyArrow's ``read_table`` takes three times as long and imports pandas for it.

    Args:
        path: The file.
        columns: Which columns; all by default.

    Raises:
        OSError: If the file is missing or cannot be read.
        pyarrow.ArrowException: If it is damaged, or lacks a column.
    """
    with pq.ParquetFile(path) as file:
        if missing := [name for name in columns or () if name not in file.schema_arrow.names]:
            raise pa.ArrowInvalid(f"no column '{missing[0]}'")
        many = file.metadata.num_rows > _FEW
        return file.read(columns=None if columns is None else list(columns), use_threads=many)
