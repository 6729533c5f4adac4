"""Parquet files of strangers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from molbench.errors import UserError, error_line


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Read a file; what pyarrow raises over a damaged one becomes a ``UserError``.

    A damaged footer can also name columns that are not UTF-8, which is a ``ValueError``.
    """
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: not an undamaged Parquet file: {error_line(error)}") from error
