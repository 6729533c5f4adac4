"""What the two published layouts of QM9 share: the properties, the exclusion list and the label table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from molbench.data.build.parsers.base import only_file
from molbench.data.build.parsers.csv_columns import read_csv_columns
from molbench.data.build.sources.streams import open_stream
from molbench.errors import UserError

PROPERTIES = tuple("A B C mu alpha homo lumo gap r2 zpve u0 u298 h298 g298 cv".split())  # noqa: SIM905
"""Columns in the order of the property line of the xyz files."""


def uncharacterized(files: Mapping[str, Path]) -> frozenset[int]:
    """Numbers of the molecules that failed the authors' consistency check.

    A line counts if it begins with a whole number and goes on with three SMILES and a Coulomb-matrix
    distance; where in the file it stands does not matter.

    Raises:
        UserError: If the list is missing or holds no such line.
    """
    path = only_file(
        files, suffixes=(".txt",), what="the list of uncharacterised molecules, uncharacterized.txt"
    )
    numbers = set()
    with open_stream(path) as file:
        for line in file:
            tokens = line.split()
            if len(tokens) == 5 and tokens[0].isdigit():
                numbers.add(int(tokens[0][:18]))
    if not numbers:
        raise UserError(
            f"{path}: no line with a number and three SMILES: not the list of uncharacterised molecules"
        )
    return frozenset(numbers)


def parse_id(title: str) -> int:
    """Number of the molecule in ``gdb_N``.

    Raises:
        ValueError: If the title is something else.
    """
    digits = title.removeprefix("gdb_")
    if digits == title or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise ValueError(f"title {title[:40]!r} is not of the form gdb_N")
    return int(digits)


def label_table(path: Path) -> LabelTable:
    """The table of a file, which is read once for all shards of a process."""
    state = path.stat()
    return _label_table(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _label_table(path: Path, *_: int) -> LabelTable:
    return LabelTable(path)


class LabelTable:
    """The properties of ``gdb9.sdf.csv``, looked up by ``mol_id``.

    Args:
        path: The file; see :func:`~molbench.data.build.parsers.csv_columns.read_csv_columns`.

    Attributes:
        has_smiles: Whether the table has a column ``smiles``, as the copy of MoleculeNet does.

    Raises:
        UserError: If a column is missing or stands twice, or the file is no CSV table.
    """

    def __init__(self, path: Path) -> None:
        columns = {"mol_id": "mol id"} | {name: name.lower() for name in PROPERTIES}
        table = read_csv_columns(path, columns, PROPERTIES, optional={"smiles": "smiles"})
        self.has_smiles = "smiles" in table.column_names
        counts = pc.value_counts(table.column("mol_id"))
        self._repeated = set(counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist())
        self._properties = np.column_stack(
            [table.column(name).to_numpy(zero_copy_only=False) for name in PROPERTIES]
        )
        self._smiles = table.column("smiles") if self.has_smiles else None
        self._row = {identifier: row for row, identifier in enumerate(table.column("mol_id").to_pylist())}

    def __len__(self) -> int:
        return len(self._properties)

    def row(self, identifier: str) -> dict[str, Any]:
        """Properties of one molecule, NaN where a cell holds no number; also its SMILES if there is one.

        Raises:
            ValueError: If there is no row for the molecule, or more than one.
        """
        if identifier in self._repeated:
            raise ValueError("more than one row of the label table has this mol_id")
        row = self._row.get(identifier)
        if row is None:
            raise ValueError("no row of the label table has this mol_id")
        values: dict[str, Any] = dict(zip(PROPERTIES, self._properties[row].tolist(), strict=True))
        if self._smiles is not None:
            values["smiles"] = self._smiles[row].as_py()
        return values
