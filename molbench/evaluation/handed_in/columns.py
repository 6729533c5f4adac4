"""A table of predictions as text or Parquet, every cell checked: a fault is told with row and column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from molbench.arguments import require_file
from molbench.errors import UserError, error_line, quoted

#: What a table must have, may have, and may have without being read, as stored predictions do.
REQUIRED = ("task", "id", "prediction")
OPTIONAL = ("seed", "unit", "forces", "force_unit")
PASSED_OVER = ("target", "score", "cluster", "split", "smiles", "inchikey", "force_target")
_MAX_BYTES = 2 << 30
#: What pandas calls the index of a data frame, in a text file, read from one, and in Parquet.
_INDEX = re.compile(r"|index|Unnamed: \d+|__index_level_\d+__")


@dataclass(frozen=True, eq=False)
class Columns:
    """The cells of a table by column, as Python values.

    Attributes:
        path: The file.
        values: Column to cells.
        first_line: What the first row is called: 2 in a text file, whose header is line 1.
    """

    path: Path
    values: dict[str, list[object]]
    first_line: int

    @classmethod
    def read(cls, path: Path) -> Columns:
        """Read a ``.parquet`` or ``.csv`` file.

        Raises:
            UserError: If it is missing, damaged, empty, or has other columns.
        """
        require_file(path)
        if path.suffix not in {".parquet", ".csv"}:
            raise UserError(f"{path}: predictions are a table named *.parquet or *.csv")
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path}: larger than {_MAX_BYTES >> 30} GiB: not a table of predictions")
        try:
            table = _csv(path) if path.suffix == ".csv" else pq.read_table(path, partitioning=None)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path}: cannot be read: {error_line(error)}") from error
        _check_names(path, table.column_names)
        if not table.num_rows:
            raise UserError(f"{path}: no rows")
        names = [name for name in (*REQUIRED, *OPTIONAL) if name in table.column_names]
        values = {name: table.column(name).to_pylist() for name in names}
        return cls(path, values, 2 if path.suffix == ".csv" else 0)

    def __len__(self) -> int:
        return len(self.values["id"])

    @property
    def digest(self) -> str:
        """SHA-256 of the rows, in whatever order they stand."""
        rows = sorted(repr(row) for row in zip(*self.values.values(), strict=True))
        return sha256("\n".join([repr(list(self.values)), *rows]).encode()).hexdigest()

    def fault(self, row: int, column: str, what: str) -> UserError:
        """The error that a cell is wrong."""
        unit = "line" if self.path.suffix == ".csv" else "row"
        return UserError(f"{self.path}, {unit} {row + self.first_line}, column '{column}': {what}")

    def text(self, column: str, row: int) -> str:
        """A cell that holds text.

        Raises:
            UserError: If it does not.
        """
        value = self.values[column][row]
        if isinstance(value, int) and not isinstance(value, bool):  # an id may be digits alone
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            hint = "; `molbench submit template TASK` writes the ids of a task" if column == "id" else ""
            raise self.fault(row, column, f"{quoted(value)} is no text{hint}")
        return value.strip()

    def number(self, column: str, row: int) -> float:
        """A cell that holds a finite number.

        Raises:
            UserError: If it does not.
        """
        value = self.values[column][row]
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is None or value == "":
            raise self.fault(row, column, "is empty")
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise self.fault(row, column, f"{quoted(value)} is no number") from None
        if isinstance(value, bool) or not np.isfinite(number):
            raise self.fault(row, column, f"{quoted(value)} is no finite number")
        return number

    def numbers(self, column: str, row: int) -> np.ndarray:
        """A cell that holds a list of finite numbers, in a text file ``0.1 0.2`` or ``[0.1, 0.2]``.

        Raises:
            UserError: If it does not.
        """
        value = self.values[column][row]
        if isinstance(value, str):
            value = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        if value is None or not isinstance(value, list) or not value:
            raise self.fault(row, column, "is empty" if not value else "is no list of numbers")
        try:
            numbers = np.asarray(value, dtype=np.float64).ravel()
        except (TypeError, ValueError):
            raise self.fault(row, column, f"{quoted(value)} is no list of numbers") from None
        if not np.isfinite(numbers).all():
            raise self.fault(row, column, "holds a number that is not finite")
        return numbers


def _csv(path: Path) -> pa.Table:
    """All cells as text, so that none is guessed to be what it is not."""
    with path.open("rb") as file:
        header = file.readline(1 << 16).decode("utf-8-sig", errors="replace").strip().split(",")
    types = {name.strip().strip('"'): pa.string() for name in header}
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa.csv.read_csv(path, convert_options=options)


def _check_names(path: Path, names: list[str]) -> None:
    known = (*REQUIRED, *OPTIONAL)
    for name in REQUIRED:
        if name not in names:
            raise UserError(f"{path}: no column '{name}'; it has: {', '.join(map(quoted, names))}")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: two columns are called {quoted(name)}")
        if name not in (*known, *PASSED_OVER):
            close = get_close_matches(name, known, n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            if _INDEX.fullmatch(name):
                hint = " (the index of a data frame? Write it with index=False)"
            raise UserError(f"{path}: unknown column {quoted(name)}{hint}; columns are {', '.join(known)}")
