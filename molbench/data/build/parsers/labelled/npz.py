"""NumPy archives of frames with any names of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.labelled.base import LabelledFile
from molbench.data.build.parsers.labelled.structures import group_of
from molbench.data.build.parsers.npz import NpzReader, open_npz
from molbench.errors import UserError
from molbench.spec.units import factor

SUFFIXES = (".npz",)

_file = partial(only_file, suffixes=SUFFIXES, what="the NumPy archive")


@dataclass(frozen=True)
class LabelledNpz(LabelledFile):
    """Frames of one molecule, or of several padded with zeros to one number of atoms.

    Attributes:
        numbers: Array of atomic numbers, [N] of one molecule or [F, N].
        positions: Array of coordinates, [F, N, 3].
        length: Unit of the coordinates.
        forces: Array of forces, [F, N, 3].
        trajectory: Whether all frames are of one molecule, in their order.
    """

    name = "labelled-npz"
    numbers: str = "z"
    positions: str = "R"
    length: str = "Å"
    forces: str | None = None
    trajectory: bool = True

    def schema(self) -> pa.Schema:
        """Structure, forces and labels."""
        column = "frame" if self.trajectory else "group"
        return record_schema(column, *(["forces"] if self.forces else []), *self.targets)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of frames, once the shapes of all arrays are found to agree."""
        path = _file(files)
        with open_npz(path) as archive:
            shape = archive.member(self.positions).shape
            if len(shape) != 3 or shape[2] != 3 or 0 in shape:
                raise UserError(f"{path}: array '{self.positions}' has shape {shape}, not frames x atoms x 3")
            frames, atoms = shape[:2]
            expected: dict[str, list[tuple[int, ...]]] = {self.numbers: [(atoms,), (frames, atoms)]}
            expected |= {source: [(frames,), (frames, 1)] for source in self.targets.values()}
            expected |= {self.forces: [shape]} if self.forces else {}
            for key, shapes in expected.items():
                if (actual := archive.member(key).shape) not in shapes:
                    raise UserError(f"{path}: array '{key}' has shape {actual}, expected {shapes[0]}")
        return even_bounds(frames, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of frames."""
        path, scale = _file(shard.files), factor(self.length, "Å")
        with open_npz(path) as archive:
            keys = [self.positions, *([self.forces] if self.forces else []), *self.targets.values()]
            blocks = [archive.blocks(key, shard.start, shard.stop, CHUNK_RECORDS) for key in keys]
            numbers = self._numbers(archive, shard.start, shard.stop)
            frame = shard.start
            for arrays in zip(*blocks, strict=True):
                chunk = Collector(self.schema())
                for row in range(len(arrays[0])):
                    where = f"{path.name}, row {frame:,}"
                    with chunk.record(f"{self.prefix}-{frame:06d}", where):
                        charges, there = _atoms(next(numbers))
                        columns = {"atomic_numbers": charges, "positions": arrays[0][row][there] * scale}
                        if self.forces:
                            columns["forces"] = arrays[1][row][there]
                        if not self.trajectory:
                            columns["group"] = group_of(None, charges, columns["positions"])
                        labels = (
                            float(array[row].item()) for array in arrays[len(arrays) - len(self.targets) :]
                        )
                        columns |= {"frame": frame, **dict(zip(self.targets, labels, strict=True))}
                        chunk.add(f"{self.prefix}-{frame:06d}", where, **columns)
                    frame += 1
                yield chunk.take()

    def _numbers(self, archive: NpzReader, start: int, stop: int) -> Iterator[np.ndarray]:
        """Atomic numbers of each frame, [N] or padded with zeros."""
        if len(archive.member(self.numbers).shape) == 1:
            common = archive.array(self.numbers)
            while True:
                yield common
        for block in archive.blocks(self.numbers, start, stop, CHUNK_RECORDS):
            yield from block


def _atoms(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers, [n], and which of the entries are atoms, [N] bool: zeros at the end are padding.

    Raises:
        ValueError: If one is none, or an atom comes after a zero.
    """
    there = numbers != 0
    atoms = numbers[there]
    if not there[: atoms.size].all():
        raise ValueError("an atomic number of 0 before others, which is no padding but a dummy atom")
    if not atoms.size or not ((atoms >= 1) & (atoms <= 118) & (atoms == np.floor(atoms))).all():
        raise ValueError("no atoms, or something that is no atomic number")
    return atoms.astype(np.uint8), there
