"""Molecule3D as published: four SD files, ``properties.csv``, and splits that count through all of them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.bonded import BondedChunk
from molbench.data.build.parsers.csv_columns import read_columns
from molbench.data.build.parsers.molblock import smiles_of_molblock
from molbench.data.build.parsers.molecule3d import PROPERTIES, add_block, molecule3d_schema
from molbench.errors import UserError

_BLOCK = re.compile(r"combined_mols_(\d{1,9})_to_(\d{1,9})\.sdf(\.gz)?")


class Molecule3dSdf:
    """Structures, and properties by the name of their column; row i of the table is record i of the files.

    The id is the number of the molecule, which the published splits count by. SMILES are RDKit's of the bonds
    in the SD file; a molecule that RDKit cannot sanitise keeps its record and has none. Bonds are kept as the
    file writes them, rings with alternating double bonds. Option ``properties: false`` reads the structures
    alone, for those who have no table.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, bonds, SMILES and, where they are read, the seven properties."""
        check_options("molecule3d-sdf", options, {"properties": bool})
        return molecule3d_schema(_labelled(options))

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of molecules, once files and table are found to have as many as they should."""
        self.schema(options)
        paths, sizes = _blocks(files)
        for path, size in zip(paths, sizes, strict=True):
            if (found := sdf.count(path)) != size:
                raise UserError(f"{path}: {found:,} records, its name promises {size:,}: it may be cut short")
        total = sum(sizes)
        if _labelled(options):
            table = _table(files)
            rows = len(read_columns(table, PROPERTIES, list(PROPERTIES)))
            if rows != total:
                raise UserError(
                    f"{table}: {rows:,} rows for {total:,} structures: they do not belong together"
                )
        return make_shards("molecule3d-sdf", files, options, even_bounds(total, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of molecules."""
        paths, sizes = _blocks(shard.paths)
        names = list(PROPERTIES) if _labelled(shard.options) else []
        properties = read_columns(_table(shard.paths), PROPERTIES, names) if names else None
        stop = sum(sizes) if shard.stop is None else shard.stop
        chunk = BondedChunk(self.schema(shard.options))
        for index, block in sdf.numbered(paths, sizes, shard.start, stop):
            values = {name: properties.column(name)[index].as_py() for name in names} if properties else {}
            add_block(chunk, index, block, smiles_of_molblock(block), f"record {index:,}", values)
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def _labelled(options: Mapping[str, Any]) -> bool:
    return bool(options.get("properties", True))


def _blocks(files: Mapping[str, Path]) -> tuple[list[Path], list[int]]:
    """SD files in the order of their numbers, and how many molecules each name promises."""
    found = sorted(
        (int(match[1]), int(match[2]), path)
        for path in files.values()
        if (match := _BLOCK.fullmatch(path.name))
    )
    at = 0
    for first, last, path in found:
        if first != at or last <= first:
            raise UserError(f"{path}: begins with molecule {first:,} where {at:,} should follow")
        at = last
    if not found:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        raise UserError(f"the structures combined_mols_0_to_….sdf are missing; given: {names}")
    return [path for *_, path in found], [last - first for first, last, _ in found]


def _table(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".csv", ".csv.gz"), "the table properties.csv")


MOLECULE3D_SDF = Molecule3dSdf()
