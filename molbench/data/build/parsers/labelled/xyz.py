"""Multi-frame xyz files with labels in the comment lines and forces beside the coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.extended_xyz import comment_values, layout_of, read_atoms, read_vectors
from molbench.data.build.parsers.labelled.base import LabelledFile
from molbench.data.build.parsers.labelled.structures import group_of
from molbench.data.build.parsers.xyz import xyz_frames
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError

SUFFIXES = tuple(kind + pack for kind in (".xyz", ".extxyz") for pack in ("", ".gz", ".xz", ".bz2"))
COMMENT = "comment"

_file = partial(only_file, suffixes=SUFFIXES, what="the xyz file")


@dataclass(frozen=True)
class LabelledXyz(LabelledFile):
    """One record a frame; the whole comment line is the value ``comment``.

    ``Properties=`` says what the columns are; see
    :func:`~molbench.data.build.parsers.extended_xyz.layout_of`.

    Attributes:
        forces: Column of forces.
        trajectory: Whether all frames are of one molecule, in their order; else frames are told apart by the
            graph of their bonds.
        smiles: Key of a SMILES.
    """

    name = "labelled-xyz"
    forces: str | None = None
    trajectory: bool = False
    smiles: str | None = None

    def schema(self) -> pa.Schema:
        """Structure, forces and labels."""
        place = "frame" if self.trajectory else "group"
        smiles = ["smiles"] if self.smiles else []
        return record_schema(*smiles, place, *(["forces"] if self.forces else []), *self.targets)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole file."""
        _file(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the frames."""
        path = _file(shard.files)
        chunk, count = Collector(self.schema()), 0
        with open_stream(path) as file:
            for line, comment, atoms in xyz_frames(file, path):
                count += 1
                where = f"{path.name}, line {line:,}"
                with chunk.record(f"frame {count}", where):
                    text = comment.decode("utf-8", "surrogateescape")
                    values = {COMMENT: text} | comment_values(text)
                    layout = layout_of(text)
                    numbers, positions = read_atoms(atoms, layout, first=line + 2)
                    columns: dict[str, Any] = {
                        "atomic_numbers": numbers,
                        "positions": positions,
                        **self.labels(values),
                    }
                    if self.forces:
                        columns["forces"] = read_vectors(atoms, layout, self.forces, first=line + 2)
                    if self.smiles:
                        columns["smiles"] = values.get(self.smiles)
                    if self.trajectory:
                        columns["frame"] = count - 1
                    else:
                        columns["group"] = group_of(columns.get("smiles"), numbers, positions)
                    chunk.add(self.identifier(values, count), where, **columns)
                yield from chunk.when_full()
        if not count:
            raise UserError(f"{path}: nothing but blank lines")
        yield chunk.take()
