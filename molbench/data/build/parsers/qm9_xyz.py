"""QM9 as its authors published it: one ``dsgdb9nsd_NNNNNN.xyz`` a molecule, in a tar archive."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.extended_xyz import Layout, read_atoms
from molbench.data.build.parsers.qm9 import PROPERTIES, uncharacterized
from molbench.data.build.parsers.text import decimals, whole
from molbench.data.build.sources.streams import open_tar
from molbench.errors import UserError

_MAX_MEMBER = 1 << 20


_archive = partial(
    only_file, suffixes=(".tar.bz2", ".tar.gz", ".tar"), what="the archive dsgdb9nsd.xyz.tar.bz2"
)


@dataclass(frozen=True)
class Qm9Xyz(Parser):
    """Structures, labels, Mulliken charges and SMILES from the same text.

    The structures have ten decimals (Å). SMILES are those the authors derived from the B3LYP geometry. Listed
    molecules are left out. A tar archive can only be read from its beginning, so there is one shard.
    """

    name = "qm9-xyz"

    def schema(self) -> pa.Schema:
        """Identity, structure, SMILES, Mulliken charges (e) and the fifteen properties."""
        return record_schema("smiles", "mulliken", *PROPERTIES)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole archive."""
        _archive(files)
        uncharacterized(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the molecules in the order of the archive."""
        excluded = uncharacterized(shard.files)
        chunk, empty = Collector(self.schema()), True
        for name, text in _members(_archive(shard.files)):
            empty = False
            with chunk.record(name, name):
                index, molecule = read_molecule(text)
                if index not in excluded:
                    chunk.add(f"gdb_{index}", name, **molecule)
            yield from chunk.when_full()
        if empty:
            raise UserError(f"{_archive(shard.files)}: no .xyz file in the archive")
        yield chunk.take()


def read_molecule(text: bytes) -> tuple[int, dict[str, Any]]:
    """One file of the collection.

    Args:
        text: Number of atoms N; ``gdb``, index and the fifteen properties; N lines of symbol, x, y, z (Å) and
            Mulliken charge (e); harmonic frequencies; two SMILES (GDB-17, B3LYP geometry); two InChI.

    Returns:
        The index, and ``atomic_numbers`` [N], ``positions`` [3 N], ``mulliken`` [N], ``smiles`` and the
        properties.

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
    rows = lines[2 : 2 + atoms]
    numbers, positions = read_atoms(rows, Layout(width=5), first=3)
    smiles = lines[3 + atoms].split()
    if len(smiles) != 2 or not smiles[1].isascii():
        raise ValueError(f"line {atoms + 4} is not the two SMILES")
    values = decimals(tokens[1 : 1 + len(PROPERTIES)])
    return whole(tokens[0]), {
        "atomic_numbers": numbers,
        "positions": positions,
        "mulliken": decimals([row.split()[4] for row in rows]),
        "smiles": smiles[1].decode(),
        **dict(zip(PROPERTIES, values, strict=True)),
    }


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every xyz file, streamed in the order of the archive."""
    with open_tar(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".xyz"):
                stream = archive.extractfile(member)
                text = stream.read(_MAX_MEMBER) if stream else b""
                yield Path(member.name).name, text.replace(b"\r\n", b"\n")
