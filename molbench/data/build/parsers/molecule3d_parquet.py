"""Molecule3D as it is mirrored on the Hugging Face Hub: Parquet with an SD block in a column."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.data.build.parsers.base import (
    CHUNK_RECORDS,
    Chunk,
    Shard,
    check_options,
    even_bounds,
    make_shards,
)
from molbench.data.build.parsers.bonded import BondedChunk
from molbench.data.build.parsers.molecule3d import PROPERTIES, add_block, molecule3d_schema
from molbench.errors import UserError

_DAMAGE = (pa.ArrowException, OSError, ValueError)
_HEADER = {"index": pa.types.is_integer, "smiles": pa.types.is_string, "sdf": pa.types.is_string}


class Molecule3dParquet:
    """Structures **without hydrogens**, SMILES and properties, all from columns by name.

    The mirror's blocks lack their first line, and have lost the hydrogens: ``missing_hydrogens`` says how
    many each record lacks. Ids are the numbers of the original files (column ``index``), so that published
    splits apply; the mirror's own files are those of one split each.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, bonds, SMILES and the seven properties."""
        check_options("molecule3d-parquet", options, {})
        return molecule3d_schema()

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of row groups over all files, once the columns are found."""
        check_options("molecule3d-parquet", options, {})
        paths = _parquet(files)
        for path in paths:
            _columns(path)
        return make_shards("molecule3d-parquet", files, options, even_bounds(sum(map(_groups, paths)), count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of row groups."""
        chunk = BondedChunk(self.schema(shard.options))
        first = 0
        for path in _parquet(shard.paths):
            total = _groups(path)
            stop = total if shard.stop is None else min(shard.stop - first, total)
            groups = list(range(max(shard.start - first, 0), stop))
            first += total
            if not groups:
                continue
            columns = _columns(path)
            try:
                with pq.ParquetFile(path, pre_buffer=False) as file:
                    batches = file.iter_batches(
                        CHUNK_RECORDS, row_groups=groups, columns=list(columns.values())
                    )
                    for batch in batches:
                        for row in _rows(batch, columns):
                            _add(chunk, row, path.name)
                            if chunk.full:
                                yield chunk.take()
            except _DAMAGE as error:
                raise UserError(f"{path}: cannot be read, it may be damaged: {error}") from error
        yield chunk.take()


def _parquet(files: Mapping[str, Path]) -> list[Path]:
    found = sorted(path for path in files.values() if path.suffix == ".parquet")
    if not found:
        raise UserError("the Parquet files of Molecule3D are missing")
    return found


def _groups(path: Path) -> int:
    try:
        with pq.ParquetFile(path) as file:
            return int(file.num_row_groups)
    except _DAMAGE as error:
        raise UserError(f"{path}: not an undamaged Parquet file: {error}") from error


def _columns(path: Path) -> dict[str, str]:
    """Name here to name in the file, which may differ in capitals."""
    try:
        schema = pq.read_schema(path)
    except _DAMAGE as error:
        raise UserError(f"{path}: not an undamaged Parquet file: {error}") from error
    names = {name.lower(): name for name in schema.names}
    wanted = dict.fromkeys(_HEADER) | PROPERTIES
    found = {}
    for name, header in wanted.items():
        actual = names.get(header or name)
        if actual is None:
            raise UserError(
                f"{path}: no column '{header or name}'; the columns are: {', '.join(schema.names)}"
            )
        kind = schema.field(actual).type
        if not _HEADER.get(name, lambda k: pa.types.is_floating(k) or pa.types.is_integer(k))(kind):
            raise UserError(f"{path}: column '{actual}' is {kind}")
        found[name] = actual
    return found


def _rows(batch: pa.RecordBatch, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Rows under the names used here."""
    arrays = []
    for name, actual in columns.items():
        column = batch.column(batch.schema.get_field_index(actual))
        arrays.append(pc.cast(column, pa.float64()) if name in PROPERTIES else column)
    table = pa.table(arrays, names=list(columns))
    table.validate(full=True)
    yield from table.to_pylist()


def _add(chunk: BondedChunk, row: dict[str, Any], name: str) -> None:
    index, smiles, block = row.pop("index"), row.pop("smiles"), row.pop("sdf")
    where = f"{name}, index {index}"
    if index is None or index < 0 or block is None:
        chunk.fail("", where, "no index or no structure")
        return
    lines = block.split("\n", 4)
    if len(lines) > 3 and "V2000" in lines[2] and "V2000" not in lines[3]:
        block = "\n" + block
    block = block.removesuffix("\n").removesuffix("$$$$")
    add_block(chunk, index, block.encode(), smiles, where, row)


MOLECULE3D_PARQUET = Molecule3dParquet()
