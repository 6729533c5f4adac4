"""QM9 as its authors published it: one ``dsgdb9nsd_NNNNNN.xyz`` a molecule, in a tar archive."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, make_shards, only_file
from molbench.data.build.parsers.columns import MoleculeChunk, record_schema
from molbench.data.build.parsers.elements import atomic_number
from molbench.data.build.parsers.qm9 import PROPERTIES, uncharacterized
from molbench.data.build.parsers.text import decimals, whole
from molbench.data.build.sources.streams import open_tar
from molbench.errors import UserError

_MAX_MEMBER = 1 << 20


class Qm9Xyz:
    """Structures, labels, Mulliken charges and SMILES from the same text.

    The structures have ten decimals (Å). SMILES are those the authors derived from the B3LYP geometry. Listed
    molecules are left out. A tar archive can only be read from its beginning, so there is one shard.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, SMILES, Mulliken charges (e) and the fifteen properties."""
        check_options("qm9-xyz", options, {})
        return record_schema("smiles", "mulliken", *PROPERTIES)

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:  # noqa: ARG002
        """The whole archive."""
        check_options("qm9-xyz", options, {})
        _archive(files)
        uncharacterized(files)
        return make_shards("qm9-xyz", files, options, [0, 1])

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the molecules in the order of the archive."""
        excluded = uncharacterized(shard.paths)
        chunk = MoleculeChunk(self.schema(shard.options))
        found = False
        for name, text in _members(_archive(shard.paths)):
            found = True
            identifier = name
            try:
                index, molecule = read_molecule(text)
                identifier = f"gdb_{index}"
                if index in excluded:
                    continue
            except ValueError as error:
                chunk.fail(identifier, name, str(error))
            else:
                chunk.add(identifier, where=name, **molecule)
            if chunk.full:
                yield chunk.take()
        if not found:
            raise UserError(f"{_archive(shard.paths)}: no .xyz file in the archive")
        yield chunk.take()


def read_molecule(text: bytes) -> tuple[int, dict[str, Any]]:
    """One file of the collection.

    Args:
        text: Number of atoms N; ``gdb``, index and the fifteen properties; N lines of symbol, x, y, z (Å) and
            Mulliken charge (e); harmonic frequencies; two SMILES (GDB-17, B3LYP geometry); two InChI.

    Returns:
        The index, and ``numbers`` [N], ``positions`` [3 N], ``mulliken`` [N], ``smiles`` and the properties.

    Raises:
        ValueError: If the text does not have this form.
    """
    lines = text.split(b"\n")
    atoms = whole(lines[0])
    if atoms == 0:
        raise ValueError("a molecule without atoms")
    if len(lines) < atoms + 5:
        raise ValueError(f"{len(lines)} lines are too few for {atoms} atoms: the file is cut short")
    tag, *tokens = lines[1].split()
    if tag != b"gdb" or len(tokens) < 1 + len(PROPERTIES):
        raise ValueError(f"line 2 is not 'gdb', an index and {len(PROPERTIES)} properties")
    numbers: list[int] = []
    coordinates: list[bytes] = []
    charges: list[bytes] = []
    for at, line in enumerate(lines[2 : 2 + atoms], start=1):
        symbol, *columns = line.split() or [b""]
        try:
            numbers.append(atomic_number(symbol))
        except ValueError as error:
            raise ValueError(f"{error} in atom {at}") from None
        if len(columns) != 4:
            raise ValueError(f"atom {at} has {len(columns)} numbers instead of x, y, z and charge")
        coordinates += columns[:3]
        charges.append(columns[3])
    smiles = lines[3 + atoms].split()
    if len(smiles) != 2 or not smiles[1].isascii():
        raise ValueError(f"line {atoms + 4} is not the two SMILES")
    values = decimals(tokens[1 : 1 + len(PROPERTIES)])
    return whole(tokens[0]), {
        "numbers": numbers,
        "positions": decimals(coordinates),
        "mulliken": decimals(charges),
        "smiles": smiles[1].decode(),
        **dict(zip(PROPERTIES, values, strict=True)),
    }


def _archive(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".tar.bz2", ".tar.gz", ".tar"), "the archive dsgdb9nsd.xyz.tar.bz2")


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every xyz file, streamed in the order of the archive."""
    with open_tar(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".xyz"):
                stream = archive.extractfile(member)
                text = stream.read(_MAX_MEMBER) if stream else b""
                yield Path(member.name).name, text.replace(b"\r\n", b"\n")


QM9_XYZ = Qm9Xyz()
