"""Records sorted into Parquet cells, one a combination of split labels.

With every record stored once, in the cell of its labels, each split of each scheme is a glob over cell files:
stock ``datasets.load_dataset`` reads it without any code of this project. A cell is called after its labels:
``a0b2`` holds records that are in train under the first scheme (``a``) and in test under the second (``b``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from molbench.errors import UserError
from molbench.spec.splits import SPLITS

CODES = {label: str(code) for code, label in enumerate([*SPLITS, "unused"])}
ROW_GROUP = 4096
_SPILL_BYTES = 32 << 20


def cell_names(labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Cell of each record.

    Args:
        labels: Scheme to split label of each record, [n].

    Returns:
        Names without suffix, [n] of str.
    """
    if len(labels) > len(ascii_lowercase):
        raise UserError(f"{len(labels)} split schemes; a dataset can have at most {len(ascii_lowercase)}")
    names: np.ndarray | None = None
    for letter, column in zip(ascii_lowercase, labels.values(), strict=False):
        values, inverse = np.unique(column, return_inverse=True)
        if unknown := set(values.tolist()) - set(CODES):
            raise ValueError(f"not split labels: {sorted(unknown)}")
        tokens = np.array([letter + CODES[label] for label in values.tolist()])[inverse]
        names = tokens if names is None else np.char.add(names, tokens)
    if names is None:
        raise UserError("no split scheme can be built from these records, so there is nothing to write")
    return names


def cell_glob(schemes: Sequence[str], scheme: str, split: str) -> str:
    """Pattern of the cells of one split within the folder that ``schemes`` share."""
    return f"*{ascii_lowercase[schemes.index(scheme)]}{CODES[split]}*.parquet"


def cell_folders(labels: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Which schemes share a folder of cells.

    Schemes that cut across one another multiply the cells, and with many of them a cell is a single record.
    A scheme that would bring a folder beyond one cell in 64 records (but at least 32, at most 256 cells)
    starts the next folder, in which every record is stored once more. That happens to small tables with many
    schemes only, such as pairs of molecules with cross-validation folds.

    Args:
        labels: Scheme to split label of each record, [n].

    Returns:
        Folder name to schemes, both in order: ``cells``, ``cells-2`` …
    """
    folders: dict[str, list[str]] = {}
    folder = "cells"
    joint: np.ndarray | None = None
    for name, column in labels.items():
        codes = np.unique(column, return_inverse=True)[1]
        both = codes if joint is None else np.unique(joint * len(CODES) + codes, return_inverse=True)[1]
        limit = min(256, max(32, column.size // 64))
        if joint is not None and (both.max() >= limit or len(folders[folder]) == len(ascii_lowercase)):
            folder, both = f"cells-{len(folders) + 1}", codes
        folders.setdefault(folder, []).append(name)
        joint = both
    return folders


class CellSpool:
    """Sorts rows into cells with bounded memory: full buffers are spilled to disk.

    Args:
        folder: Scratch folder, which must exist.
        schema: Schema of the rows.
        spill_bytes: Bytes of rows held in memory before they are spilled.
    """

    def __init__(self, folder: Path, schema: pa.Schema, spill_bytes: int = _SPILL_BYTES) -> None:
        self._folder = folder
        self._schema = schema
        self._spill_bytes = spill_bytes
        self._held: dict[str, list[pa.Table]] = {}
        self._bytes = 0

    def add(self, table: pa.Table, names: np.ndarray) -> None:
        """Add rows, each to the cell named for it; order within a cell is kept."""
        order = np.argsort(names, kind="stable")
        table = table.take(pa.array(order))
        cells, starts = np.unique(names[order], return_index=True)
        stops = np.append(starts[1:], names.size)
        for cell, start, stop in zip(cells.tolist(), starts.tolist(), stops.tolist(), strict=True):
            self._held.setdefault(cell, []).append(table.slice(start, stop - start))
        self._bytes += table.nbytes
        if self._bytes > self._spill_bytes:
            self._spill()

    def write(self, target: Path, level: int) -> None:
        """Write every cell below ``target``.

        Args:
            target: Folder of the cells.
            level: Zstandard level.
        """
        self._spill()
        target.mkdir(parents=True)
        for path in sorted(self._folder.glob("*.arrows")):
            write_cell(target / f"{path.stem}.parquet", _read_streams(path), self._schema, level)
            path.unlink()

    def _spill(self) -> None:
        for cell, tables in self._held.items():
            with (
                (self._folder / f"{cell}.arrows").open("ab") as sink,
                pa.ipc.new_stream(sink, self._schema) as writer,
            ):
                for table in tables:
                    writer.write_table(table)
        self._held, self._bytes = {}, 0


def write_cell(path: Path, tables: Iterable[pa.Table], schema: pa.Schema, level: int) -> None:
    """Write tables as one Parquet file whose bytes do not depend on how the rows were chunked.

    Floating-point columns are stored byte-stream-split, which makes coordinates about 40 % smaller than plain
    Zstandard; everything else is dictionary-encoded. Checksums are written into every page.
    """
    leaves = pq.ParquetFile(_empty(schema)).schema
    floats = [
        leaf.path for leaf in (leaves.column(i) for i in range(len(leaves))) if _is_float(leaf.physical_type)
    ]
    others = [leaf.path for leaf in (leaves.column(i) for i in range(len(leaves))) if leaf.path not in floats]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=others,
        use_byte_stream_split=floats,
        write_statistics=[leaf for leaf in others if "." not in leaf],
        write_page_checksum=True,
    ) as writer:
        for table in rebatch(tables, ROW_GROUP):
            writer.write_table(table, row_group_size=ROW_GROUP)


def rebatch(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly ``rows`` rows, the last one smaller."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += len(table)
        while count >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows).combine_chunks()
            held, count = [whole.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(held).combine_chunks()


def _read_streams(path: Path) -> Iterator[pa.Table]:
    """Rows of a file of consecutive Arrow streams."""
    with pa.OSFile(str(path)) as source:
        while source.tell() < source.size():
            with pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])


def _empty(schema: pa.Schema) -> pa.BufferReader:
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return pa.BufferReader(sink.getvalue())


def _is_float(physical: str) -> bool:
    return physical in {"FLOAT", "DOUBLE"}
