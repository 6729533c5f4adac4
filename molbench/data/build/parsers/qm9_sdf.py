"""QM9 as distributed for machine learning: ``gdb9.sdf``, ``gdb9.sdf.csv`` and ``uncharacterized.txt``."""

import mmap
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.columns import MoleculeChunk, record_schema
from molbench.data.build.parsers.molblock import read_molblock, smiles_of_molblock
from molbench.data.build.parsers.qm9 import PROPERTIES, LabelTable, parse_id, uncharacterized
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError

_END = re.compile(rb"^\$\$\$\$[ \t\r]*(?:\n|\Z)", re.MULTILINE)


class Qm9Sdf:
    """Structures from the SDF, labels from the table, joined by ``gdb_N``.

    The structures have four decimals (Å). SMILES are the table's where it has them, else RDKit's of the bonds
    in the SDF; a molecule that RDKit cannot sanitise keeps its record and has no SMILES. Molecules on the
    list of the uncharacterised are left out.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, SMILES and the fifteen properties."""
        check_options("qm9-sdf", options, {})
        return record_schema("smiles", *PROPERTIES)

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Byte ranges of whole records."""
        check_options("qm9-sdf", options, {})
        sdf, table = _structures(files), _labels(files)
        uncharacterized(files)
        starts = _record_starts(sdf)
        if len(starts) - 1 != (rows := len(LabelTable(table))):
            raise UserError(
                f"{sdf} has {len(starts) - 1:,} records and {table} {rows:,} rows: they do not belong "
                "together, or one of them is cut short"
            )
        bounds = [starts[i] for i in even_bounds(len(starts) - 1, count)]
        return make_shards("qm9-sdf", files, options, bounds)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the records of a byte range."""
        path = _structures(shard.paths)
        labels = LabelTable(_labels(shard.paths))
        excluded = uncharacterized(shard.paths)
        chunk = MoleculeChunk(self.schema(shard.options))
        for offset, block in _blocks(path, shard.start, shard.stop):
            title = block.partition(b"\n")[0].strip().decode("utf-8", "replace")
            where = f"{path.name}, byte {offset:,}"
            try:
                if parse_id(title) in excluded:
                    continue
                numbers, positions = read_molblock(block)
                values = labels.row(title)
            except ValueError as error:
                chunk.fail(title, where, str(error))
            else:
                smiles = values.pop("smiles") if labels.has_smiles else smiles_of_molblock(block)
                chunk.add(title, numbers, positions, where, smiles=smiles, **values)
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def _structures(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".sdf",), "the structure file gdb9.sdf")


def _labels(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".csv",), "the label table gdb9.sdf.csv")


def _record_starts(path: Path) -> list[int]:
    """Offset of every record and of the end of the last one."""
    with open_stream(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts = [0, *(match.end() for match in _END.finditer(content))]
        rest = content[starts[-1] : starts[-1] + 200].strip()
    if len(starts) == 1:
        raise UserError(f"{path}: no record end ($$$$) in it: not an SD file")
    if rest:
        raise UserError(
            f"{path}: ends in the middle of a record (from byte {starts[-1]:,}): the file is cut short"
        )
    return starts


def _blocks(path: Path, start: int, stop: int | None) -> Iterator[tuple[int, bytes]]:
    """Offset and text of each record that begins in a byte range, without its ``$$$$``."""
    lines: list[bytes] = []
    with open_stream(path) as file:
        file.seek(start)
        at = start
        for line in file:
            at += len(line)
            if _END.match(line):
                yield start, b"".join(lines)
                start, lines = at, []
                if stop is not None and at >= stop:
                    return
            else:
                lines.append(line)


QM9_SDF = Qm9Sdf()
