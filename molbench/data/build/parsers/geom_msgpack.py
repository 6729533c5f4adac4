"""GEOM in the MessagePack form: ``*_crude`` (coordinates and energies) with ``*_featurized`` (bonds)."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgpack
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.geom import BONDS, Geom, Structure, constitution
from molbench.data.build.sources.streams import open_stream, open_tar
from molbench.errors import UserError, error_line

_ORDERS = {"single": 1, "double": 2, "triple": 3, "aromatic": 4}
_MAX = 64 << 20
_DAMAGE = (msgpack.UnpackException, msgpack.StackError, ValueError, TypeError)
_STRANGERS = "the two files do not belong together"


@dataclass(frozen=True)
class GeomMsgpack(Geom):
    """Conformers with weights and energies, one row each, as from the pickles.

    Both files are streams of maps from GEOM's SMILES to molecules, about a thousand to a map; they are read
    side by side, one molecule in memory at a time, and must name the same molecules in the same order. The
    bonds are those of ``*_featurized``, whose atoms have to be those of the coordinates. A stream can only be
    read from its beginning, so there is one shard.

    This form is older than the pickles and lacks some thousand molecules of them
    (github.com/learningmatter-mit/geom, issue 5).

    Attributes:
        features: Whether there is a ``*_featurized`` file; without one there are neither bonds nor a choice
            by them.
    """

    name = "geom-msgpack"
    features: bool = True

    def __post_init__(self) -> None:
        if not self.features and self.graph == "same":
            raise UserError("parser 'geom-msgpack': 'features: false' needs 'graph: any'")

    def schema(self) -> pa.Schema:
        """Identity, structure, bonds where there are features, weight and energies."""
        schema = super().schema()
        return schema if self.features else pa.schema([field for field in schema if field.name not in BONDS])

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """Both files as a whole."""
        self._paths(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the molecules."""
        crude, *featurized = self._paths(shard.files)
        chunk = Collector(self.schema())
        with ExitStack() as stack:
            molecules = _molecules(stack.enter_context(_open(crude)), crude)
            features = [_molecules(stack.enter_context(_open(path)), path) for path in featurized]
            for number, (smiles, entry) in enumerate(molecules, start=1):
                reader = partial(
                    _structure, features=[_beside(stream, smiles, number) for stream in features]
                )
                where = f"{crude.name}, molecule {number:,}"
                yield from self.add_molecule(chunk, smiles, entry, where, reader)
                yield from chunk.when_full()
            if any(next(stream, None) for stream in features):
                raise UserError(f"{featurized[0]}: more molecules than {crude.name} has: {_STRANGERS}")
        yield chunk.take()

    def _paths(self, files: Mapping[str, Path]) -> list[Path]:
        """The crude file, and the featurized one where there is to be one."""
        return [
            only_file(
                {key: path for key, path in files.items() if kind in path.name},
                suffixes=(".msgpack", ".msgpack.tar.gz", ".msgpack.gz"),
                what=f"GEOM's {self.molecules}_{kind}.msgpack.tar.gz",
            )
            for kind in (("crude", "featurized") if self.features else ("crude",))
        ]


def _beside(stream: Iterator[tuple[str, Any]], smiles: str, number: int) -> Any:
    """Features of the molecule that the other stream is at."""
    name, features = next(stream, (None, None))
    if name != smiles:
        raise UserError(
            f"molecule {number:,} is {smiles[:80]!r} in the crude file and {str(name)[:80]!r} in the "
            f"featurized one: {_STRANGERS}"
        )
    return features


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """The stream, out of its archive where it is in one."""
    if not path.name.endswith(".tar.gz"):
        with open_stream(path) as file:
            yield file
        return
    with open_tar(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None and member.name.endswith(".msgpack"):
                yield content
                return
        raise UserError(f"{path}: no .msgpack file in the archive")


def _molecules(file: IO[bytes], path: Path) -> Iterator[tuple[str, Any]]:
    """SMILES and content of every molecule of a stream.

    Raises:
        UserError: If it is no such stream, or stops in the middle of a molecule.
    """
    unpacker = msgpack.Unpacker(
        file, raw=False, max_buffer_size=_MAX, max_array_len=1 << 20, max_map_len=1 << 20
    )
    number = 0
    while True:
        try:
            size = unpacker.read_map_header()
        except msgpack.OutOfData:
            if number and not unpacker.read_bytes(1):
                return
            raise UserError(f"{path}: no molecule in it, or cut short") from None
        except _DAMAGE as error:
            raise UserError(
                f"{path}: not a stream of maps, behind molecule {number:,}: {error_line(error)}"
            ) from error
        for _ in range(size):
            try:
                smiles, content = unpacker.unpack(), unpacker.unpack()
            except msgpack.OutOfData:
                raise UserError(f"{path}: cut short behind molecule {number:,}") from None
            except _DAMAGE as error:
                raise UserError(f"{path}: damaged behind molecule {number:,}: {error_line(error)}") from error
            if not isinstance(smiles, str):
                raise UserError(f"{path}: the name of molecule {number + 1:,} is no text")
            number += 1
            yield smiles, content


def _structure(conformer: Mapping[str, Any], number: int, features: list[Any]) -> Structure:
    """One conformer from its coordinates, and its bonds from its features where there are any.

    Raises:
        ValueError: If one of them is malformed, or the two are of different atoms.
    """
    rows = conformer.get("xyz")
    if not isinstance(rows, list) or not rows:
        raise ValueError("no coordinates")
    numbers, positions = [], []
    for row in rows:
        if (
            not isinstance(row, list)
            or len(row) != 4
            or not all(type(value) in {int, float} for value in row)
        ):
            raise ValueError("an atom that is not an atomic number and three coordinates")
        if row[0] not in range(1, 119):
            raise ValueError(f"atomic number {row[0]!r} is none")
        numbers.append(int(row[0]))
        positions += [float(value) for value in row[1:]]
    if not features:
        return Structure(numbers, positions, [], [], None)
    ours = features[0]
    if not isinstance(ours, list) or number >= len(ours) or not isinstance(ours[number], dict):
        raise ValueError("no features of this conformer")
    atoms, bonds, name = (ours[number].get(key) for key in ("atoms", "bonds", "canon_smiles"))
    if not isinstance(atoms, list) or not isinstance(bonds, list) or not isinstance(name, str):
        raise ValueError("features without atoms, bonds or canon_smiles")
    if [atom.get("atom_type") if isinstance(atom, dict) else None for atom in atoms] != numbers:
        raise ValueError("the features are of other atoms than the coordinates")
    pairs, orders, within = [], [], range(len(numbers))
    for bond in bonds:
        ends = bond.get("indices") if isinstance(bond, dict) else None
        if not isinstance(ends, list) or len(ends) != 2 or any(end not in within for end in ends):
            raise ValueError("a bond that is not between two of the atoms")
        kind = str(bond.get("type"))
        if kind not in _ORDERS:
            raise ValueError(f"a bond of type {kind[:40]!r}")
        pairs.append((int(ends[0]), int(ends[1])))
        orders.append(_ORDERS[kind])
    return Structure(numbers, positions, pairs, orders, constitution(name))
