"""Trajectories of one molecule in NumPy archives: MD17 (sGDML keys) and revised MD17."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import (
    CHUNK_RECORDS,
    Chunk,
    Failure,
    Parser,
    Shard,
    even_bounds,
    only_file,
)
from molbench.data.build.parsers.columns import record_schema, scalars, vectors
from molbench.data.build.parsers.npz import NpzReader, open_npz
from molbench.data.build.parsers.unit_names import energy_unit, length_unit
from molbench.errors import UserError


@dataclass(frozen=True)
class Keys:
    """Names of the arrays of one layout.

    Attributes:
        frames: Positions of the frames in the original trajectory; without it they are row numbers.
    """

    numbers: str
    positions: str
    energies: str
    forces: str
    frames: str


@dataclass(frozen=True)
class FrameParser(Parser):
    """Frames with an energy and forces.

    Energies may be (F,) or (F, 1). Units are those that ``e_unit`` and ``r_unit`` state, which sGDML writes,
    or where there are none those of the dataset. A frame keeps its position in the original MD17 trajectory
    as ``frame`` and in its id, ``aspirin-000123``: the same structure has one id in MD17 and revised MD17.
    Frames of several archives, a copy that is cut up, follow each other.

    Attributes:
        molecule: First part of the ids.
    """

    molecule: str

    @property
    @abstractmethod
    def keys(self) -> Keys:
        """Arrays to read."""

    def schema(self) -> pa.Schema:
        """Identity, structure, forces and energy."""
        return record_schema("forces", "frame", "energy")

    def units(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Units of energy and forces that the archive states.

        Raises:
            UserError: If it states an unknown unit, or that positions are not in Å.
        """
        stated = {path: _unit(path) for path in _archives(files)}
        units = {unit for unit in stated.values() if unit is not None}
        if len(units) > 1:
            raise UserError(f"{', '.join(map(str, stated))}: in different units: {', '.join(sorted(units))}")
        return {
            column: unit for unit in units for column, unit in (("energy", unit), ("forces", f"{unit}/Å"))
        }

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of frames, once shapes and checksums of the arrays are found right."""
        frames = 0
        for path in _archives(files):
            with open_npz(path) as archive:
                frames += _frames(archive, path, self.keys)
                for key in (self.keys.numbers, self.keys.positions, self.keys.energies, self.keys.forces):
                    archive.verify(key)
        return even_bounds(frames, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of frames."""
        first = 0
        for path in _archives(shard.files):
            with open_npz(path) as archive:
                total = _frames(archive, path, self.keys)
                start, stop = max(shard.start - first, 0), min(shard.stop - first, total)
                if start < stop:
                    yield from self._frames(archive, path, start, stop)
            first += total

    def _frames(self, archive: NpzReader, path: Path, start: int, stop: int) -> Iterator[Chunk]:
        """Stream a range of the frames of one archive."""
        keys, schema, numbers = self.keys, self.schema(), _numbers(archive, path, self.keys)
        arrays = [
            archive.blocks(key, start, stop, CHUNK_RECORDS)
            for key in (keys.positions, keys.forces, keys.energies)
        ]
        frames, at = _frame_blocks(archive, keys, start, stop), start
        for positions, forces, energies, frame in zip(*arrays, frames, strict=True):
            yield _chunk(
                schema=schema,
                molecule=self.molecule,
                numbers=numbers,
                positions=positions,
                forces=forces,
                energies=energies.ravel(),
                frames=frame,
                where=(path.name, at),
            )
            at += len(frame)


@dataclass(frozen=True)
class Md17(FrameParser):
    """MD17 with the arrays of sGDML."""

    name = "md17-npz"

    @property
    def keys(self) -> Keys:
        """The only layout."""
        return Keys("z", "R", "E", "F", "old_indices")


@dataclass(frozen=True)
class RevisedMd17(FrameParser):
    """Revised MD17.

    Attributes:
        labels: ``revised``, or ``original`` for those of MD17 that it has, too.
    """

    name = "rmd17-npz"
    labels: Literal["revised", "original"] = "revised"

    @property
    def keys(self) -> Keys:
        """By the labels."""
        labels = ("energies", "forces") if self.labels == "revised" else ("old_energies", "old_forces")
        return Keys("nuclear_charges", "coords", *labels, "old_indices")


def _chunk(
    *,
    schema: pa.Schema,
    molecule: str,
    numbers: np.ndarray,
    positions: np.ndarray,
    forces: np.ndarray,
    energies: np.ndarray,
    frames: np.ndarray,
    where: tuple[str, int],
) -> Chunk:
    """Frames as a table; those without a place in the trajectory as failures.

    Args:
        schema: Columns of the table.
        molecule: First part of the ids.
        numbers: Atomic numbers, [N].
        positions: Å, [F, N, 3].
        forces: [F, N, 3].
        energies: [F].
        frames: Positions in the original trajectory, [F].
        where: Name of the file and row of the first frame.
    """
    with np.errstate(over="ignore"):
        stored = {"positions": positions.astype(np.float32), "forces": forces.astype(np.float32)}
    ids = [f"{molecule}-{frame:06d}" for frame in frames.tolist()]
    places = [f"{where[0]}, row {row:,}" for row in range(where[1], where[1] + len(ids))]
    good = frames >= 0
    failures = [
        Failure(ids[row], places[row], "a negative place in the trajectory")
        for row in np.flatnonzero(~good).tolist()
    ]
    count, atoms = int(good.sum()), len(numbers)
    offsets = np.arange(count + 1) * atoms
    columns = {
        "id": pa.array(list(compress(ids, good.tolist())), pa.string()),
        "atomic_numbers": scalars(np.tile(numbers, count), offsets),
        "positions": vectors(stored["positions"][good].reshape(-1, 3), offsets),
        "forces": vectors(stored["forces"][good].reshape(-1, 3), offsets),
        "frame": pa.array(frames[good]),
        "energy": pa.array(energies[good]),
    }
    table = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
    return Chunk(table, tuple(failures), tuple(compress(places, good.tolist())))


def _archives(files: Mapping[str, Path]) -> list[Path]:
    archives = [path for path in files.values() if path.name.lower().endswith(".npz")]
    return archives or [only_file(files, suffixes=(".npz",), what="the trajectory")]


def _unit(path: Path) -> str | None:
    """Unit of energies that an archive states; that of lengths must be Å."""
    with open_npz(path) as archive:
        energy, length = archive.text("e_unit"), archive.text("r_unit")
    try:
        if length is not None and (unit := length_unit(length)) != "Å":
            raise ValueError(f"positions are in {unit} (r_unit), and in Å where they are read")
        return None if energy is None else energy_unit(energy)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _numbers(archive: NpzReader, path: Path, keys: Keys) -> np.ndarray:
    """Atomic numbers, [N] uint8."""
    member = archive.member(keys.numbers)
    if len(member.shape) != 1 or not 0 < member.shape[0] <= 10_000:
        raise UserError(
            f"{path}: array '{keys.numbers}' has shape {member.shape}, expected one number an atom"
        )
    numbers = archive.array(keys.numbers)
    if not ((numbers >= 1) & (numbers <= 118) & (numbers == np.floor(numbers))).all():
        raise UserError(f"{path}: array '{keys.numbers}' holds something that is no atomic number")
    return numbers.astype(np.uint8)


def _frames(archive: NpzReader, path: Path, keys: Keys) -> int:
    """Number of frames, once the shapes of all arrays are found to agree."""
    atoms = len(_numbers(archive, path, keys))
    shape = archive.member(keys.positions).shape
    frames = shape[0] if shape else 0
    expected: dict[str, list[tuple[int, ...]]] = {
        keys.positions: [(frames, atoms, 3)],
        keys.forces: [(frames, atoms, 3)],
        keys.energies: [(frames,), (frames, 1)],
    }
    if keys.frames in archive.keys:
        expected[keys.frames] = [(frames,), (frames, 1)]
    for key, shapes in expected.items():
        if (actual := archive.member(key).shape) not in shapes:
            raise UserError(
                f"{path}: array '{key}' has shape {actual}, expected {shapes[0]} for {atoms} atoms"
            )
    if frames == 0:
        raise UserError(f"{path}: no frames")
    return frames


def _frame_blocks(archive: NpzReader, keys: Keys, start: int, stop: int) -> Iterator[np.ndarray]:
    if keys.frames in archive.keys:
        for block in archive.blocks(keys.frames, start, stop, CHUNK_RECORDS):
            yield block.ravel().astype(np.int64)
    else:
        for at in range(start, stop, CHUNK_RECORDS):
            yield np.arange(at, min(at + CHUNK_RECORDS, stop))
