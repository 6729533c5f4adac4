"""The broadened spectra of QM9S (``uv_``, ``ir_`` and ``raman_boraden.csv``) with the structures.

The spelling is the collection's. A table has the points of the grid in its first line and one molecule a
line, which begins with an index from 0 and has nothing else to know it by: row i is molecule i + 1 of QM9S.
That is not the ``number`` in ``qm9s.pt``, which counts in QM9 and has gaps; joined by that, spectra and
molecules do not belong together.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.qm9s import CHUNK_MOLECULES, GRIDS, tensor_schema, with_spectra
from molbench.data.build.parsers.qm9s_csv import open_molecules
from molbench.data.build.parsers.text import decimals, read_line, whole
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError

_archive = partial(only_file, suffixes=(".zip",), what="the archive of structures qm9s_csv.zip")


@dataclass(frozen=True)
class Qm9sBroadened(Parser):
    """Everything that `qm9s_csv.Qm9sCsv` reads of the archive, and the three spectra of the same molecule.

    Tables and archive must be of the same number of molecules, and every index must be the one that its place
    calls for; where that is not so nothing is read, for a table without some rows shifts all that follow.
    """

    name = "qm9s-broadened"

    def schema(self) -> pa.Schema:
        """Identity, structure, energy (eV), natural charges (e), tensors and spectra."""
        return with_spectra(tensor_schema())

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of molecules."""
        with open_molecules(_archive(files)) as molecules:
            return even_bounds(len(molecules.numbers), count)

    def shards(self, files: Mapping[str, Path], count: int) -> list[Shard]:
        """Ranges of rows; the first byte of each in every table goes along."""
        archive = _archive(files)
        starts = {name: _row_starts(_table(files, name), name) for name in GRIDS}
        with open_molecules(archive) as molecules:
            numbers = molecules.numbers
        counts = {_table(files, name).name: len(starts[name]) for name in GRIDS} | {
            archive.name: len(numbers)
        }
        if len(set(counts.values())) > 1:
            counted = ", ".join(f"{name} {rows:,}" for name, rows in counts.items())
            raise UserError(
                f"{archive.parent}: the files are of different numbers of molecules, so that one of them is "
                f"cut short: {counted}; the complete ones have 129,817"
            )
        if numbers != list(range(1, len(numbers) + 1)):
            gap = next(at for at, number in enumerate(numbers, start=1) if at != number)
            raise UserError(f"{archive}: no file for molecule {gap:,}, so that rows cannot be counted off")
        return [
            replace(shard, offsets={name: starts[name][shard.start] for name in GRIDS})
            for shard in super().shards(files, count)
        ]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows, in step through all tables."""
        chunk = Collector(self.schema(), CHUNK_MOLECULES)
        paths = {name: _table(shard.files, name) for name in GRIDS}
        with ExitStack() as stack:
            molecules = stack.enter_context(open_molecules(_archive(shard.files)))
            tables = {name: stack.enter_context(open_stream(path)) for name, path in paths.items()}
            for name, table in tables.items():
                table.seek(shard.offsets[name])
            for row in range(shard.start, shard.stop):
                identifier, where = f"qm9s_{row + 1}", molecules.where(row + 1)
                cells = {name: _cells(tables[name], paths[name], row) for name in GRIDS}
                with chunk.record(identifier, f"row {row:,} and {where}"):
                    spectra = {name: _spectrum(cells[name], name) for name in GRIDS}
                    chunk.add(identifier, where, **molecules.molecule(row + 1), **spectra)
                yield from chunk.when_full()
        yield chunk.take()


def _row_starts(path: Path, name: str) -> list[int]:
    """First byte of every row, once the first line is found to hold the points of the grid."""
    starts: list[int] = []
    with open_stream(path) as file:
        header = read_line(file, path)
        _check_grid(path, name, header)
        at, ended = len(header), False
        while line := read_line(file, path):
            if not line.strip():
                ended = True
            elif ended:
                raise UserError(f"{path}: an empty line before row {len(starts):,}")
            else:
                starts.append(at)
            at += len(line)
    if not starts:
        raise UserError(f"{path}: a header and no rows")
    return starts


def _check_grid(path: Path, name: str, header: bytes) -> None:
    grid = GRIDS[name]
    expected = (
        f"{grid.points:,} points from {grid.start:g} to {grid.stop:g} {grid.unit} in steps of {grid.step:g}"
    )
    try:
        points = np.array(decimals(header.split(b",")[1:]))
    except ValueError as error:
        raise UserError(f"{path}: the first line is not {expected}: {error}") from error
    if len(points) != grid.points or not np.allclose(points, grid.values(), rtol=0, atol=grid.step / 100):
        actual = f"{len(points):,} points" + (f" from {points[0]:g} to {points[-1]:g}" if len(points) else "")
        raise UserError(
            f"{path}: the first line should be {expected}; it has {actual}, maybe in another order"
        )


def _cells(table: IO[bytes], path: Path, row: int) -> list[bytes]:
    """Cells of the next line behind its index, which must be ``row``."""
    index, *cells = read_line(table, path).split(b",")
    try:
        number = whole(index)
    except ValueError as error:
        raise UserError(f"{path}: row {row:,} does not begin with its index: {error}") from error
    if number != row:
        raise UserError(f"{path}: row {row:,} has index {number:,}: rows are missing or out of order")
    return cells


def _spectrum(cells: list[bytes], name: str) -> list[float]:
    points = GRIDS[name].points
    if len(cells) != points:
        raise ValueError(f"{name}: {len(cells):,} numbers instead of {points:,}")
    return decimals(cells)


def _table(files: Mapping[str, Path], name: str) -> Path:
    pattern = re.compile(rf"{name}_(boraden|broaden)\.csv", re.IGNORECASE)
    tables = {key: path for key, path in files.items() if pattern.fullmatch(path.name)}
    return only_file(tables, suffixes=(".csv",), what=f"the table {name}_boraden.csv")
