"""Files of structures one after the other that may carry forces: extended xyz and databases of ASE."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.labelled.base import LabelledFile
from molbench.data.build.parsers.labelled.structures import group_of, state_of
from molbench.errors import UserError

#: Labels and keys of a structure as text, and its atoms, positions and forces under the names of columns.
Structure = tuple[Mapping[str, str], dict[str, Any]]


@dataclass(frozen=True)
class LabelledFrames(LabelledFile):
    """One record a structure.

    Attributes:
        forces: What the file calls the forces.
        trajectory: Whether all structures are of one molecule, in their order; else they are told apart by
            SMILES or, without them, the graph of their bonds.
        smiles: Key of a SMILES.
        charge: Key of the charge of the whole structure.
        multiplicity: Key of its multiplicity, 2 S + 1.
    """

    #: What the error says of a file without any structure.
    nothing: ClassVar[str]
    forces: str | None = None
    trajectory: bool = False
    smiles: str | None = None
    charge: str | None = None
    multiplicity: str | None = None

    @abstractmethod
    def file(self, files: Mapping[str, Path]) -> Path:
        """The one raw file."""

    @abstractmethod
    def structures(self, path: Path) -> Iterator[tuple[str, str, Callable[[], Structure]]]:
        """Name and place of every structure, and what reads it or raises ``ValueError``."""

    def schema(self) -> pa.Schema:
        """Structure, its state, forces and labels."""
        column = "frame" if self.trajectory else "group"
        known = [name for name in ("smiles", "charge", "multiplicity", "forces") if getattr(self, name)]
        return record_schema(*known, column, *self.targets)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole file."""
        self.file(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the structures."""
        path = self.file(shard.files)
        chunk, count = Collector(self.schema()), 0
        for count, (name, position, structure) in enumerate(self.structures(path), start=1):
            where = f"{path.name}, {position}"
            with chunk.record(name, where):
                values, columns = structure()
                columns |= self.labels(values)
                columns |= state_of(values, columns["atomic_numbers"], self.charge, self.multiplicity)
                if self.smiles:
                    columns["smiles"] = values.get(self.smiles)
                if self.trajectory:
                    columns["frame"] = count - 1
                else:
                    atoms = columns["atomic_numbers"], columns["positions"]
                    columns["group"] = group_of(columns.get("smiles"), *atoms)
                chunk.add(self.identifier(values, count), where, **columns)
            yield from chunk.when_full()
        if not count:
            raise UserError(f"{path}: {self.nothing}")
        yield chunk.take()
