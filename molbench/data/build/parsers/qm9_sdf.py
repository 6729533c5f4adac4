"""QM9 as distributed for machine learning: ``gdb9.sdf``, ``gdb9.sdf.csv`` and ``uncharacterized.txt``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.molblock import read_molblock, smiles_of_molblock
from molbench.data.build.parsers.qm9 import PROPERTIES, label_table, parse_id, uncharacterized
from molbench.errors import UserError

STRUCTURES = "structures"

_structures = partial(only_file, suffixes=(".sdf",), what="the structure file gdb9.sdf")
_labels = partial(only_file, suffixes=(".csv",), what="the label table gdb9.sdf.csv")


@dataclass(frozen=True)
class Qm9Sdf(Parser):
    """Structures from the SDF, labels from the table, joined by ``gdb_N``.

    The structures have four decimals (Å). SMILES are the table's where it has them, else RDKit's of the bonds
    in the SDF; a molecule that RDKit cannot sanitise keeps its record and has no SMILES. Molecules on the
    list of the uncharacterised are left out.
    """

    name = "qm9-sdf"

    def schema(self) -> pa.Schema:
        """Identity, structure, SMILES and the fifteen properties."""
        return record_schema("smiles", *PROPERTIES)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of records."""
        return even_bounds(len(self._starts(files)), count)

    def shards(self, files: Mapping[str, Path], count: int) -> list[Shard]:
        """Ranges of records, with the place of each in the file."""
        starts = self._starts(files)
        return [
            Shard(self, files, start, stop, {STRUCTURES: starts[start]})
            for start, stop in pairwise(even_bounds(len(starts), count))
        ]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of records."""
        path = _structures(shard.files)
        labels, excluded = label_table(_labels(shard.files)), uncharacterized(shard.files)
        chunk = Collector(self.schema())
        for number, block in sdf.records(path, shard.start, shard.stop, shard.offsets.get(STRUCTURES)):
            title = block.partition(b"\n")[0].strip().decode("utf-8", "replace")
            where = f"{path.name}, record {number:,}"
            with chunk.record(title, where):
                if parse_id(title) in excluded:
                    continue
                numbers, positions = read_molblock(block)
                values = labels.row(title)
                if not labels.has_smiles:
                    values["smiles"] = smiles_of_molblock(block)
                chunk.add(title, where, atomic_numbers=numbers, positions=positions, **values)
            yield from chunk.when_full()
        yield chunk.take()

    def _starts(self, files: Mapping[str, Path]) -> Sequence[int]:
        path, table = _structures(files), _labels(files)
        uncharacterized(files)
        starts = sdf.starts(path)
        if (records := len(starts)) != (rows := len(label_table(table))):
            raise UserError(
                f"{path} has {records:,} records and {table} {rows:,} rows: they do not belong together, "
                "or one of them is cut short"
            )
        return starts
