"""What the two published layouts of QM9 share: the properties, the exclusion list and the label table."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from molbench.data.build.parsers.base import only_file
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
    path = only_file(files, (".txt",), "the list of uncharacterised molecules, uncharacterized.txt")
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


class LabelTable:
    """The properties of ``gdb9.sdf.csv``, found by column name and looked up by ``mol_id``.

    Args:
        path: The file. Blanks around names and values do not matter, nor do further columns.

    Attributes:
        has_smiles: Whether the table has a column ``smiles``, as the copy of MoleculeNet does.

    Raises:
        UserError: If a column is missing or stands twice, or the file is no CSV table.
    """

    def __init__(self, path: Path) -> None:
        names = _header(path)
        self.has_smiles = "smiles" in names
        wanted = ["mol_id", *PROPERTIES, *(["smiles"] if self.has_smiles else [])]
        if missing := [name for name in wanted if name not in names]:
            raise UserError(
                f"{path}: no column {', '.join(missing)}; the columns are: {', '.join(filter(None, names))}"
            )
        if twice := [name for name in wanted if names.count(name) > 1]:
            raise UserError(f"{path}: column {twice[0]} stands twice")
        table = _read(path, names, wanted)
        counts = pc.value_counts(table.column("mol_id"))
        self._repeated = set(counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist())
        self._values = np.stack([_floats(table.column(name)) for name in PROPERTIES], axis=1)
        self._smiles = table.column("smiles") if self.has_smiles else None
        self._row = {identifier: row for row, identifier in enumerate(table.column("mol_id").to_pylist())}

    def __len__(self) -> int:
        return len(self._values)

    def row(self, identifier: str) -> dict[str, float | str]:
        """Properties of one molecule, NaN where a cell holds no number; also its SMILES if there is one.

        Raises:
            ValueError: If there is no row for the molecule, or more than one.
        """
        if identifier in self._repeated:
            raise ValueError("more than one row of the label table has this mol_id")
        row = self._row.get(identifier)
        if row is None:
            raise ValueError("no row of the label table has this mol_id")
        values: dict[str, float | str] = dict(zip(PROPERTIES, self._values[row].tolist(), strict=True))
        if self._smiles is not None:
            values["smiles"] = self._smiles[row].as_py()
        return values


def _header(path: Path) -> list[str]:
    with open_stream(path) as file:
        line = file.readline(1 << 16)
    try:
        names = next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: the first line is not a CSV header: {error}") from error
    return [name.strip() for name in names]


def _read(path: Path, names: list[str], wanted: list[str]) -> pa.Table:
    unique = [name if names.count(name) == 1 else f"{name}#{i}" for i, name in enumerate(names)]
    try:
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(column_names=unique, skip_rows=1, use_threads=False),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a readable CSV table: {error}") from error
    if not len(table):
        raise UserError(f"{path}: a header and no rows")
    return pa.table({name: pc.utf8_trim_whitespace(table.column(name)) for name in wanted})


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """Numbers of a text column, NaN where there is none; the common case of clean numbers is fast."""
    try:
        values: np.ndarray = pc.cast(column, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        values = np.array([_float(text) for text in column.to_pylist()])
    return values


def _float(text: str) -> float:
    try:
        return float(text.replace("_", "x"))
    except ValueError:
        return float("nan")
