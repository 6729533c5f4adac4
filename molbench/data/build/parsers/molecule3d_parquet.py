"""Molecule3D as it is mirrored on the Hugging Face Hub: Parquet with an SD block in a column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Parser, Shard, even_bounds
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.molecule3d import PROPERTIES, block_values, identifier, molecule3d_schema
from molbench.data.build.parsers.parquet import undamaged
from molbench.errors import UserError

_HEADER = {"index": pa.types.is_integer, "smiles": pa.types.is_string, "sdf": pa.types.is_string}


@dataclass(frozen=True)
class Molecule3dParquet(Parser):
    """Structures **without hydrogens**, SMILES and properties, all from columns by name.

    The mirror's blocks lack their first line, and have lost the hydrogens: ``missing_hydrogens`` says how
    many each record lacks. Ids are the numbers of the original files (column ``index``), so that published
    splits apply; the mirror's own files are those of one split each.
    """

    name = "molecule3d-parquet"

    def schema(self) -> pa.Schema:
        """Identity, structure, bonds, SMILES and the seven properties."""
        return molecule3d_schema()

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of row groups over all files, once the columns are found."""
        paths = _parquet(files)
        for path in paths:
            _columns(path)
        return even_bounds(sum(map(_groups, paths)), count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of row groups."""
        chunk = Collector(self.schema())
        first = 0
        for path in _parquet(shard.files):
            total = _groups(path)
            groups = list(range(max(shard.start - first, 0), min(shard.stop - first, total)))
            first += total
            if not groups:
                continue
            columns = _columns(path)
            names = list(columns.values())
            with undamaged(path), pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(CHUNK_RECORDS, row_groups=groups, columns=names):
                    for row in _rows(batch, columns):
                        _add(chunk, row, path.name)
                        yield from chunk.when_full()
        yield chunk.take()


def _parquet(files: Mapping[str, Path]) -> list[Path]:
    paths = sorted(path for path in files.values() if path.suffix == ".parquet")
    if not paths:
        raise UserError("the Parquet files of Molecule3D are missing")
    return paths


def _groups(path: Path) -> int:
    with undamaged(path), pq.ParquetFile(path) as file:
        return int(file.num_row_groups)


def _columns(path: Path) -> dict[str, str]:
    """Name here to name in the file, which may differ in capitals."""
    with undamaged(path):
        schema = pq.read_schema(path)
    names = {name.lower(): name for name in schema.names}
    headers = dict.fromkeys(_HEADER) | PROPERTIES
    columns = {}
    for name, header in headers.items():
        actual = names.get(header or name)
        if actual is None:
            raise UserError(
                f"{path}: no column '{header or name}'; the columns are: {', '.join(schema.names)}"
            )
        kind = schema.field(actual).type
        if not _HEADER.get(name, lambda k: pa.types.is_floating(k) or pa.types.is_integer(k))(kind):
            raise UserError(f"{path}: column '{actual}' is {kind}")
        columns[name] = actual
    return columns


def _rows(batch: pa.RecordBatch, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Rows under the names used here."""
    arrays = []
    for name, actual in columns.items():
        column = batch.column(batch.schema.get_field_index(actual))
        arrays.append(pc.cast(column, pa.float64()) if name in PROPERTIES else column)
    table = pa.table(arrays, names=list(columns))
    table.validate(full=True)
    yield from table.to_pylist()


def _add(chunk: Collector, row: dict[str, Any], name: str) -> None:
    index, smiles, block = row.pop("index"), row.pop("smiles"), row.pop("sdf")
    where = f"{name}, index {index}"
    if index is None or index < 0 or block is None:
        chunk.fail("", where, "no index or no structure")
        return
    lines = block.split("\n", 4)
    if len(lines) > 3 and "V2000" in lines[2] and "V2000" not in lines[3]:
        block = "\n" + block
    block = block.removesuffix("\n").removesuffix("$$$$")
    with chunk.record(identifier(index), where):
        chunk.add(identifier(index), where, **block_values(block.encode(), smiles, row))
