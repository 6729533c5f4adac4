"""PCQM4Mv2: ``data.csv.gz``, and the structures of its training molecules as one xyz file each."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers import zip_entries
from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.columns import MoleculeChunk, record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.extended_xyz import layout_of, read_atoms
from molbench.data.build.parsers.pcqm4mv2 import gap_table, identifier
from molbench.data.build.parsers.text import whole
from molbench.errors import UserError


class Pcqm4mv2Xyz:
    """Structures of ``pcqm4m-v2_xyz.zip``, where ``i.xyz`` belongs to row i of the table.

    Its maintainers call this archive outdated (github.com/snap-stanford/ogb, issue 336); papers that denoise
    coordinates were trained on it. Records come in the order of the archive and carry no bonds.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, SMILES and gap."""
        check_options("pcqm4mv2-xyz", options, {})
        return record_schema("smiles", "missing_hydrogens", "gap")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of the archive's directory."""
        check_options("pcqm4mv2-xyz", options, {})
        total = zip_entries.count(_archive(files))
        if total == 0:
            raise UserError(f"{_archive(files)}: an empty archive")
        gap_table(files)
        return make_shards("pcqm4mv2-xyz", files, options, even_bounds(total, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the structures of a range."""
        table = gap_table(shard.paths)
        smiles, gaps = table.column("smiles"), table.column("gap")
        chunk = MoleculeChunk(self.schema(shard.options))
        for name, text in zip_entries.members(_archive(shard.paths), shard.start, shard.stop, ".xyz"):
            stem = PurePosixPath(name).stem
            try:
                index = whole(stem.encode())
                if index >= len(table) or gaps[index].as_py() is None:
                    raise ValueError(f"the table has no gap for molecule {index:,}")
                numbers, positions = read_xyz(text)
                missing = missing_hydrogens(smiles[index].as_py(), numbers)
            except ValueError as error:
                chunk.fail(stem[:40], name[:200], str(error))
            else:
                chunk.add(
                    identifier(index),
                    numbers,
                    positions,
                    name,
                    smiles=smiles[index].as_py(),
                    missing_hydrogens=missing,
                    gap=gaps[index].as_py(),
                )
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def read_xyz(text: bytes) -> tuple[list[int], list[float]]:
    """Atoms of one xyz file: their number N, a comment, N lines of symbol, x, y, z (Å) or as that declares.

    Returns:
        Atomic numbers, [N], and coordinates, [3 N].

    Raises:
        ValueError: If the text is something else.
    """
    first, comment, *lines = [*text.splitlines(), b"", b""]
    atoms = whole(first)
    while lines and not lines[-1].strip():
        lines.pop()
    if atoms == 0 or len(lines) != atoms:
        raise ValueError(f"{len(lines)} lines of atoms where the first line says {atoms}")
    layout = layout_of(comment.decode("utf-8", "replace"))
    return read_atoms(lines, replace(layout, width=layout.width or 4), first=3)


def _archive(files: Mapping[str, Path]) -> Path:
    return only_file(files, ("xyz.zip",), "the structures pcqm4m-v2_xyz.zip")


PCQM4MV2_XYZ = Pcqm4mv2Xyz()
