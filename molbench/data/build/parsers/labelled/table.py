"""Tables of SMILES and labels: CSV, TSV, Parquet, Excel and files of SMILES, of molecules or of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.labelled.base import LabelledFile, unknown_column
from molbench.data.build.parsers.labelled.structures import embedded, group_of, require_molecule
from molbench.data.build.parsers.parquet import undamaged
from molbench.data.build.parsers.tables import SMILES_FILES, read_rows
from molbench.errors import UserError

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".xlsx", ".parquet", *SMILES_FILES)

_table = partial(only_file, suffixes=SUFFIXES, what="the table")


@dataclass(frozen=True)
class LabelledTable(LabelledFile):
    """One record a row: a molecule, or two of a pair.

    Molecules get a conformer of ETKDG each; those of pairs get theirs where all pairs do.

    Attributes:
        smiles: Columns of SMILES: one, or two of pairs.
    """

    name = "labelled-table"
    smiles: list[str] = field(default_factory=lambda: ["smiles"])

    def schema(self) -> pa.Schema:
        """SMILES or structures, and the labels."""
        if len(self.smiles) == 2:
            return record_schema("a_smiles", "b_smiles", *self.targets)
        return record_schema("smiles", "group", *self.targets)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of rows, once all columns are found to be there."""
        rows = read_cells(path := _table(files))
        _, header = next(rows)
        columns = [*self.smiles, *self.targets.values(), *([self.id] if self.id else [])]
        for name in columns:
            if name not in header:
                raise UserError(unknown_column(path, name, header))
            if header.count(name) > 1:
                raise UserError(f"{path}: column '{name}' stands twice")
        total = sum(1 for _ in rows)
        if total == 0:
            raise UserError(f"{path}: a header and no rows")
        return even_bounds(total, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows."""
        path = _table(shard.files)
        rows = read_cells(path)
        _, header = next(rows)
        chunk = Collector(self.schema(), most=min(CHUNK_RECORDS, 200))
        for count, (where, cells) in enumerate(rows):
            if count >= shard.stop:
                break
            if count < shard.start:
                continue
            values = dict(zip(header, cells, strict=False))
            name = values.get(self.id or "", "") or f"record {count + 1}"
            with chunk.record(name, where):
                if any(
                    cells[len(header) :]
                ):  # a comma too many, and what is behind it is in the wrong column
                    raise ValueError(f"{len(cells)} cells under the {len(header)} names of the header")
                labels = self.labels(values)
                identifier = self.identifier(values, count + 1)
                chunk.add(identifier, where, **self._molecules(values), **labels)
            yield from chunk.when_full()
        yield chunk.take()

    def _molecules(self, values: Mapping[str, str]) -> dict[str, Any]:
        if len(self.smiles) == 2:
            for name in self.smiles:
                require_molecule(values.get(name, ""), name)
            return {f"{side}_smiles": values[name] for side, name in zip("ab", self.smiles, strict=True)}
        smiles = values.get(self.smiles[0], "")
        atoms = embedded(smiles)
        group = group_of(smiles, atoms["atomic_numbers"], atoms["positions"])
        return {"smiles": smiles, "group": group, **atoms}


def read_cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and cells of every row, the header first.

    Raises:
        UserError: If the file is empty, damaged, or no table.
    """
    if not path.name.lower().endswith(".parquet"):
        for line, cells in read_rows(path):
            yield f"{path.name}, line {line:,}", cells
        return
    with undamaged(path), pq.ParquetFile(path) as file:
        flat = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]
        yield f"{path.name}, header", flat
        at = 0
        for batch in file.iter_batches(CHUNK_RECORDS, columns=flat):
            columns = [batch.column(name).to_pylist() for name in flat]
            for row in zip(*columns, strict=True):
                at += 1
                yield f"{path.name}, row {at:,}", ["" if cell is None else _text(cell) for cell in row]


def _text(cell: Any) -> str:
    return repr(cell) if isinstance(cell, float) else str(cell).strip()
