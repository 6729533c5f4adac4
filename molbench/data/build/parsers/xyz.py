"""Multi-frame xyz files, compressed or not; the comment line of a frame is its id."""

from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.extended_xyz import LayoutError, layout_of, read_atoms
from molbench.data.build.parsers.text import read_line, whole
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError

_MAX_FRAME = 16 << 20  # bytes: a quarter of a million atoms

_file = partial(only_file, suffixes=(".xyz", ".xyz.xz", ".xyz.gz", ".xyz.bz2"), what="the xyz file")


@dataclass(frozen=True)
class Xyz(Parser):
    """Structures without labels.

    A frame is the number of atoms N, a comment line, and N lines of symbol, x, y, z (Å) and perhaps further
    columns, or of the columns and in the unit that the comment line declares. Periodic frames are refused.
    Frames have no marks to find them by, so there is one shard.
    """

    name = "xyz"

    def schema(self) -> pa.Schema:
        """Identity and structure."""
        return record_schema()

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole file."""
        _file(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the frames."""
        path = _file(shard.files)
        chunk, empty = Collector(self.schema()), True
        with open_stream(path) as file:
            for line, comment, atoms in xyz_frames(file, path):
                empty = False
                where = f"{path.name}, line {line:,}"
                with chunk.record(comment.decode("utf-8", "replace")[:80], where):
                    identifier = _identifier(comment)
                    try:
                        layout = layout_of(identifier)
                    except LayoutError as error:
                        raise UserError(f"{path}, line {line + 1:,}: {error}") from error
                    numbers, positions = read_atoms(atoms, layout, first=line + 2)
                    chunk.add(identifier, where, atomic_numbers=numbers, positions=positions)
                yield from chunk.when_full()
        if empty:
            raise UserError(f"{path}: nothing but blank lines")
        yield chunk.take()


def xyz_frames(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes, list[bytes]]]:
    """Line number, comment and atom lines of every frame."""
    at = 0
    while first := read_line(file, path):
        at += 1
        if at == 1:
            first = first.removeprefix(BOM_UTF8)
        if not (count := first.strip()):
            continue
        try:
            n = whole(count)
        except ValueError as error:
            raise UserError(
                f"{path}, line {at:,}: expected the number of atoms of a frame: {error}"
            ) from error
        comment = read_line(file, path)
        atoms: list[bytes] = []
        size = 0
        for _ in range(n):
            atoms.append(read_line(file, path))
            size += len(atoms[-1])
            if not atoms[-1]:
                raise UserError(
                    f"{path}: ends {len(atoms) - 1} atoms into the frame of {n} from line {at:,}: cut short"
                )
            if size > _MAX_FRAME:
                raise UserError(f"{path}: the frame of {n:,} atoms from line {at:,} is larger than 16 MiB")
        yield at, comment.strip(), atoms
        at += 1 + n


def _identifier(comment: bytes) -> str:
    try:
        identifier = comment.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("the comment line, which is the id, is not UTF-8") from None
    if not identifier:
        raise ValueError("the comment line, which is the id, is empty")
    return identifier
