"""Columns of a built dataset, read from its cells without laying out a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.data.folder.manifest import Part
from molbench.errors import UserError


def part_columns(folder: Path, part: Part) -> list[str]:
    """Names of the columns of one part."""
    return list(pq.read_schema(_cells(folder, part)[0]).names)


def stream_columns(folder: Path, part: Part, columns: Sequence[str], rows: int = 4096) -> Iterator[pa.Table]:
    """Some columns of every record, piece by piece in the order of the cells.

    Args:
        folder: Folder of the part.
        part: Its entry in the manifest.
        columns: Names; those there are none of are left out.
        rows: Records at a time.
    """
    for path in _cells(folder, part):
        with pq.ParquetFile(path) as file:
            names = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(rows, columns=names):
                yield pa.Table.from_batches([batch])


def read_columns(folder: Path, part: Part, columns: Sequence[str]) -> pa.Table:
    """Some columns of all records in source order.

    Args:
        folder: Folder of the part.
        part: Its entry in the manifest.
        columns: Names; those there are none of are left out. ``id`` always comes first.
    """
    names = ["id", *(name for name in columns if name != "id")]
    stored = pa.concat_tables(stream_columns(folder, part, names)).combine_chunks()
    order = read_split(folder, next(iter(part.schemes))).column("id")
    take = pc.index_in(order, value_set=stored.column("id").combine_chunks())
    if take.null_count or len(take) != len(stored):
        raise UserError(f"{folder}: ids of cells and splits disagree: damaged; see `molbench data verify`")
    return stored.take(take)


def read_split(folder: Path, scheme: str) -> pa.Table:
    """Columns ``id`` and ``split`` of one scheme, in source order."""
    return pq.read_table(folder / "splits" / f"{scheme}.parquet").combine_chunks()


def read_labels(folder: Path, scheme: str) -> np.ndarray:
    """Split label of each record under one scheme, in source order, [n] str."""
    labels: np.ndarray = read_split(folder, scheme).column("split").to_numpy()
    return labels


def _cells(folder: Path, part: Part) -> list[Path]:
    """The cells that hold every record once."""
    if not part.schemes:
        raise UserError(f"{folder}: no split scheme was built")
    cells = sorted((folder / next(iter(part.schemes.values())).cells).glob("*.parquet"))
    if not cells:
        raise UserError(f"{folder}: no cells: the build is damaged; see `molbench data verify`")
    return cells
