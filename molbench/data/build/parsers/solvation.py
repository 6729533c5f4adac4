"""Tables of solvation free energies: one record a row, a solute in a solvent."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, only_file
from molbench.data.build.parsers.cells import number, require_smiles
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema


@dataclass(frozen=True)
class SolvationTable(Parser):
    """A table that one process reads, since rows of quoted text cannot be cut at a byte.

    The id of a record is both SMILES, unless a row has the cell ``id``.

    Class attributes:
        what: The table, for messages.
        suffixes: What its name may end in.
    """

    what: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """Place and cells of the rows to be read, with ``solute``, ``solvent`` and ``value`` among them."""

    def includes(self, row: Mapping[str, str]) -> bool:  # noqa: ARG002 - by default all
        """Whether a row is a record.

        Raises:
            ValueError: If something is wrong with it.
        """
        return True

    def schema(self) -> pa.Schema:
        """Both molecules and the free energy."""
        return record_schema("a_smiles", "b_smiles", "dg_solv")

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole table."""
        only_file(files, suffixes=self.suffixes, what=self.what)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the table."""
        chunk = Collector(self.schema())
        for where, row in self.rows(only_file(shard.files, suffixes=self.suffixes, what=self.what)):
            solute, solvent = row["solute"], row["solvent"]
            identifier = row.get("id", f"{solute}|{solvent}")
            with chunk.record(identifier, where):
                if self.includes(row):
                    require_smiles(solute, "solute")
                    require_smiles(solvent, "solvent")
                    value = number(row["value"])
                    chunk.add(identifier, where, a_smiles=solute, b_smiles=solvent, dg_solv=value)
            yield from chunk.when_full()
        yield chunk.take()
