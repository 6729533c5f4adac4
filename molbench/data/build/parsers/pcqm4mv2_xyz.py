"""PCQM4Mv2: ``data.csv.gz``, and the structures of its training molecules as one xyz file each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers import zip_entries
from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.extended_xyz import layout_of, read_atoms
from molbench.data.build.parsers.pcqm4mv2 import gap_table, row_id
from molbench.data.build.parsers.text import whole
from molbench.errors import UserError

_archive = partial(only_file, suffixes=("xyz.zip",), what="the structures pcqm4m-v2_xyz.zip")


@dataclass(frozen=True)
class Pcqm4mv2Xyz(Parser):
    """Structures of ``pcqm4m-v2_xyz.zip``, where ``i.xyz`` belongs to row i of the table.

    Its maintainers call this archive outdated (github.com/snap-stanford/ogb, issue 336); papers that denoise
    coordinates were trained on it. Records come in the order of the archive and carry no bonds.
    """

    name = "pcqm4mv2-xyz"

    def schema(self) -> pa.Schema:
        """Identity, structure, SMILES and gap."""
        return record_schema("smiles", "missing_hydrogens", "gap")

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of the archive's directory."""
        total = zip_entries.count_members(_archive(files))
        if total == 0:
            raise UserError(f"{_archive(files)}: an empty archive")
        gap_table(files)
        return even_bounds(total, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the structures of a range."""
        table = gap_table(shard.files)
        chunk = Collector(self.schema())
        for name, text in zip_entries.zip_members(_archive(shard.files), shard.start, shard.stop, ".xyz"):
            stem = PurePosixPath(name).stem
            with chunk.record(stem[:40], name[:200]):
                index = whole(stem.encode())
                row = table.slice(index, 1).to_pylist()
                if not row or row[0]["gap"] is None:
                    raise ValueError(f"the table has no gap for molecule {index:,}")
                chunk.add(row_id(index), name, **row[0], **_structure(text, row[0]["smiles"]))
            yield from chunk.when_full()
        yield chunk.take()


def _structure(text: bytes, smiles: str) -> dict[str, Any]:
    """Columns of one xyz file: its atoms N, a comment, N lines of symbol, x, y, z (Å) or as that declares.

    Raises:
        ValueError: If the text is something else, or of other atoms than the SMILES.
    """
    first, comment, *lines = [*text.splitlines(), b"", b""]
    atoms = whole(first)
    while lines and not lines[-1].strip():
        lines.pop()
    if atoms == 0 or len(lines) != atoms:
        raise ValueError(f"{len(lines)} lines of atoms where the first line says {atoms}")
    layout = layout_of(comment.decode("utf-8", "replace"))
    numbers, positions = read_atoms(lines, replace(layout, width=layout.width or 4), first=3)
    return {
        "atomic_numbers": numbers,
        "positions": positions,
        "missing_hydrogens": missing_hydrogens(smiles, numbers),
    }
