"""SD files with properties, V2000 and V3000, as chemists' programs export them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.labelled.base import LabelledFile
from molbench.data.build.parsers.labelled.structures import embedded, group_of
from molbench.data.build.parsers.molblock import read_molblock
from molbench.data.build.parsers.sdf import records
from molbench.data.build.parsers.structure_text import read_v3000

SUFFIXES = (".sdf", ".sd", ".sdf.gz", ".mol", ".sdf.xz", ".sdf.bz2")

_PROPERTY = re.compile(r"^>.*?<([^\n>]+)>[^\n]*\n((?:[^\n]+\n?)*)", re.MULTILINE)
_file = partial(only_file, suffixes=SUFFIXES, what="the SD file")


@dataclass(frozen=True)
class LabelledSdf(LabelledFile):
    """One record a block; its title is the property ``title``.

    Attributes:
        conformers: Whether to leave the coordinates and make a conformer from the bonds, with all hydrogens.
    """

    name = "labelled-sdf"
    conformers: bool = False

    def schema(self) -> pa.Schema:
        """Structure, SMILES and labels."""
        return record_schema("smiles", "group", *self.targets)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole file."""
        _file(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the blocks."""
        path = _file(shard.files)
        chunk = Collector(self.schema())
        for count, line, block in numbered_blocks(path):
            where = f"{path.name}, line {line:,}"
            values = properties(block)
            with chunk.record(values["title"] or f"record {count}", where):
                atoms = self._atoms(block)
                labels = self.labels(values)
                chunk.add(self.identifier(values, count), where, **atoms, **labels)
            yield from chunk.when_full()
        yield chunk.take()

    def _atoms(self, block: bytes) -> dict[str, Any]:
        numbers, positions = read_block(block)
        smiles, missing = _bonds(block)
        if self.conformers:
            if smiles is None:
                raise ValueError("RDKit makes no molecule of the bonds, so no conformer can be made")
            atoms = embedded(smiles)
        else:
            _refuse_flat(block, positions)
            if missing:
                raise ValueError(
                    f"{missing} hydrogens are not there; --conformers makes structures with them"
                )
            atoms = {"atomic_numbers": numbers, "positions": positions}
        return {"smiles": smiles, "group": group_of(smiles, **_as_arguments(atoms)), **atoms}


def numbered_blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number from 1, first line and text of every block."""
    line = 1
    for number, block in records(path):
        yield number + 1, line, block.replace(b"\r\n", b"\n")
        line += block.count(b"\n") + 1


def read_block(block: bytes) -> tuple[list[int], list[float]]:
    """Atomic numbers, [N], and coordinates (Å), [3 N], of a block of either version.

    Raises:
        ValueError: If it is malformed, or an element is none, naming it.
    """
    return read_v3000(block) if b"V3000" in block[:2000] else read_molblock(block)


def properties(block: bytes) -> dict[str, str]:
    """Properties of a block by name, its title among them; of several lines as they stand."""
    head, _, tail = block.decode("utf-8", "surrogateescape").partition("M  END")
    values = {name.strip(): text.strip() for name, text in _PROPERTY.findall(tail)}
    return {"title": head.partition("\n")[0].strip()} | values


def _bonds(block: bytes) -> tuple[str | None, int]:
    """Canonical SMILES, or None where RDKit makes no molecule of it, and the hydrogens that are not there."""
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    with BlockLogs():
        molecule = Chem.MolFromMolBlock(block.decode("latin-1"), removeHs=False)
        if not molecule:
            return None, 0
        there = sum(atom.GetAtomicNum() == 1 for atom in molecule.GetAtoms())
        implied = sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
        smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
    return smiles, implied if implied > there else 0


def _refuse_flat(block: bytes, positions: list[float]) -> None:
    dimension = block.split(b"\n", 2)[1][20:22] if block.count(b"\n") > 1 else b""
    if dimension == b"2D" and not any(positions[2::3]):
        raise ValueError("a drawing (2D), no structure; --conformers makes structures")


def _as_arguments(atoms: dict[str, Any]) -> dict[str, Any]:
    return {"numbers": atoms["atomic_numbers"], "positions": atoms["positions"]}
