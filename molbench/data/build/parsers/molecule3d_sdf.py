"""Molecule3D as published: four SD files, ``properties.csv``, and splits that count through all of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.csv_columns import read_csv_columns
from molbench.data.build.parsers.molblock import smiles_of_molblock
from molbench.data.build.parsers.molecule3d import PROPERTIES, block_values, identifier, molecule3d_schema
from molbench.errors import UserError

_BLOCK = re.compile(r"combined_mols_(\d{1,9})_to_(\d{1,9})\.sdf(\.gz)?")


_table = partial(only_file, suffixes=(".csv", ".csv.gz"), what="the table properties.csv")


@dataclass(frozen=True)
class Molecule3dSdf(Parser):
    """Structures, and properties by the name of their column; row i of the table is record i of the files.

    The id is the number of the molecule, which the published splits count by. SMILES are RDKit's of the bonds
    in the SD file; a molecule that RDKit cannot sanitise keeps its record and has none. Bonds are kept as the
    file writes them, rings with alternating double bonds.

    Attributes:
        properties: False reads the structures alone, for those who have no table.
    """

    name = "molecule3d-sdf"
    properties: bool = True

    def schema(self) -> pa.Schema:
        """Identity, structure, bonds, SMILES and, where they are read, the seven properties."""
        return molecule3d_schema(self.properties)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of molecules, once files and table are found to have as many as they should."""
        paths, sizes = _blocks(files)
        for path, size in zip(paths, sizes, strict=True):
            if (counted := sdf.count_records(path)) != size:
                raise UserError(
                    f"{path}: {counted:,} records, its name promises {size:,}: it may be cut short"
                )
        total = sum(sizes)
        if self.properties and (rows := len(self._labels(files))) != total:
            raise UserError(
                f"{_table(files)}: {rows:,} rows for {total:,} structures: they do not belong together"
            )
        return even_bounds(total, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of molecules."""
        labels = self._labels(shard.files) if self.properties else None
        chunk = Collector(self.schema())
        for index, block in sdf.numbered_records(*_blocks(shard.files), shard.start, shard.stop):
            where = f"record {index:,}"
            with chunk.record(identifier(index), where):
                values = labels.slice(index, 1).to_pylist()[0] if labels else {}
                values = block_values(block, smiles_of_molblock(block), values)
                chunk.add(identifier(index), where, **values)
            yield from chunk.when_full()
        yield chunk.take()

    def _labels(self, files: Mapping[str, Path]) -> pa.Table:
        return read_csv_columns(_table(files), PROPERTIES, list(PROPERTIES))


def _blocks(files: Mapping[str, Path]) -> tuple[list[Path], list[int]]:
    """SD files in the order of their numbers, and how many molecules each name promises."""
    blocks = sorted(
        (int(match[1]), int(match[2]), path)
        for path in files.values()
        if (match := _BLOCK.fullmatch(path.name))
    )
    at = 0
    for first, last, path in blocks:
        if first != at or last <= first:
            raise UserError(f"{path}: begins with molecule {first:,} where {at:,} should follow")
        at = last
    if not blocks:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        raise UserError(f"the structures combined_mols_0_to_….sdf are missing; given: {names}")
    return [path for *_, path in blocks], [last - first for first, last, _ in blocks]
