"""Wanted columns of a large CSV table, found by their names and kept as Arrow columns."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError, error_line

_BLOCK = 4 << 20


def read_csv_columns(
    path: Path, required: Mapping[str, str], numbers: Sequence[str], optional: Mapping[str, str] | None = None
) -> pa.Table:
    """Read columns by name, whatever their order and however blanks and capitals stand in the header.

    Args:
        path: The table, compressed by gzip where its name ends in ``.gz``.
        required: Name in the result to name in the header, in lower case.
        numbers: Names in the result that are float64, null where a cell holds no number; the others are text.
        optional: As ``required``, columns that are left out where they are not there.

    Raises:
        UserError: If a column is missing or stands twice, or the file is no undamaged CSV table with rows.
    """
    header = [name.strip() for name in _header(path)]
    names = [" ".join(name.strip().lower().replace("_", " ").split()) for name in header]
    if missing := [name for name in required.values() if name not in names]:
        raise UserError(
            f"{path}: no column '{missing[0]}'; the columns are: {', '.join(filter(None, header))}"
        )
    header_of = dict(required) | {key: name for key, name in (optional or {}).items() if name in names}
    if twice := [name for name in header_of.values() if names.count(name) > 1]:
        raise UserError(f"{path}: column '{twice[0]}' stands twice")
    unique = [name if names.count(name) == 1 else f"{name}#{i}" for i, name in enumerate(names)]
    pieces = []
    try:
        with pyarrow.csv.open_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(
                column_names=unique, skip_rows=1, use_threads=False, block_size=_BLOCK
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(header_of.values()),
                column_types=dict.fromkeys(header_of.values(), pa.string()),
                strings_can_be_null=False,
            ),
        ) as reader:
            for batch in reader:
                cells = [pc.utf8_trim_whitespace(batch.column(name)) for name in header_of.values()]
                columns = [
                    _numbers(cell) if name in numbers else cell
                    for name, cell in zip(header_of, cells, strict=True)
                ]
                pieces.append(pa.table(columns, names=list(header_of)))
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: not a readable CSV table, it may be cut short: {error_line(error)}"
        ) from error
    table = pa.concat_tables(pieces) if pieces else pa.table({})
    if not len(table):
        raise UserError(f"{path}: a header and no rows")
    return table.combine_chunks()


def _header(path: Path) -> list[str]:
    with open_stream(path) as file:
        line = file.readline(1 << 16)
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: the first line is not a CSV header: {error_line(error)}") from error


def _numbers(cells: pa.Array) -> pa.Array:
    """Clean numbers at once; otherwise cell by cell."""
    try:
        return pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return pa.array([_number(cell) for cell in cells.to_pylist()], pa.float64())


def _number(cell: str) -> float | None:
    try:
        return float(cell.replace("_", "x"))
    except ValueError:
        return None
