"""Rows of delimited text and of spreadsheets, by the names of their columns."""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

from molbench.errors import UserError, error_line

Names = Mapping[str, Sequence[str]]
"""What is wanted, and the names its column goes by in one file or another."""

_SEPARATOR = re.compile(r'"?sep=([,;\t])"?', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
SMILES_FILES = (".smi", ".smi.gz", ".smiles", ".smiles.gz")
#: What a column of SMILES is called, in lower case.
SMILES_COLUMNS = ("smiles", "canonical_smiles", "canonicalsmiles", "isomeric_smiles")


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row that is not blank, the header included.

    Commas, tabs and semicolons separate; the first line with text says which, or a line ``sep=;`` before it,
    as Excel writes it. A byte-order mark, UTF-16
    behind one, either kind of line end, gzip (``.gz``) and Excel's ``.xlsx`` are understood. Bytes that are
    no UTF-8 come as lone surrogates, so that only the rows which hold them are lost. A file of SMILES
    (``.smi``) has one at the head of each line, the rest of which is its name; unless its first line has
    names of columns, they are ``smiles`` and ``name``.

    Raises:
        UserError: If the file is empty, damaged, or no such table.
    """
    name = path.name.lower()
    rows = (_sheet if name.endswith(".xlsx") else _smiles if name.endswith(SMILES_FILES) else _lines)(path)
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise UserError(f"{path}: empty, or nothing but blank lines")


def read_table(
    path: Path, required: Names, optional: Names | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and wanted cells of every row under the header; a row that ends early has empty cells.

    Args:
        path: The table.
        required: Columns that must be there.
        optional: Columns that are left out where they are not there.

    Raises:
        UserError: If a column is missing or the file cannot be read.
    """
    rows = read_rows(path)
    header = next((cells for _, cells in rows), [])
    columns = {}
    for name, known in (dict(required) | dict(optional or {})).items():
        column = next((index for alias in known for index, cell in enumerate(header) if cell == alias), None)
        if column is not None:
            columns[name] = column
        elif name in required:
            shown = ", ".join(repr(cell[:40]) for cell in header[:20]) or "none"
            raise UserError(f"{path}: no column {' or '.join(map(repr, known))}; the columns are: {shown}")
    for line, cells in rows:
        yield (
            f"{path.name}, line {line:,}",
            {name: cells[index] if index < len(cells) else "" for name, index in columns.items()},
        )


def _open(path: Path) -> IO[str]:
    reader = gzip.open if path.suffix.lower() == ".gz" else open
    with reader(path, "rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # "Unicode text" of Excel
    encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
    return cast(IO[str], reader(path, "rt", encoding=encoding, errors=errors, newline=""))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of a text file."""
    with _damage(path), _open(path) as file:
        head, delimiter = [""], None
        for line in file:
            head.append(line)
            if said := _SEPARATOR.fullmatch(line.strip()):
                delimiter, head[-1] = said[1], "\n"  # a blank line, so that lines are counted as they stand
            elif line.strip():
                break
        delimiter = delimiter or max("\t;,", key=_QUOTED.sub("", head[-1]).count)
        reader = csv.reader(chain(head[1:], file), delimiter=delimiter)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]


def _smiles(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines of a file of SMILES, its columns first; a name may have spaces, and ``#`` begins a remark."""
    with _damage(path), _open(path) as file:
        columns: list[str] = []
        between = None  # any white space; tabs where the names of several columns have them between
        for number, line in enumerate(file, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if not columns:
                titled = any(word.lower() in SMILES_COLUMNS for word in line.split())
                between = "\t" if titled and "\t" in line else None
                words = [word.strip() for word in line.strip().split(between)]
                columns = words if titled and len(words) > 1 else ["smiles", "name"]
                yield number, columns
                if titled:
                    continue
            yield number, [word.strip() for word in line.split(between, len(columns) - 1)]


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be read as a table, it may be damaged: {error_line(error)}"
        ) from error


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of the first sheet of an Excel file; a formula that no program has computed stands for itself."""
    import openpyxl

    try:
        books = [
            openpyxl.load_workbook(path, read_only=True, data_only=computed) for computed in (True, False)
        ]
        values, formulas = (_shown(book.worksheets[0].iter_rows()) for book in books)
        for line, (cells, written) in enumerate(zip(values, formulas, strict=True), start=1):
            if any(cell is not None for cell in written):
                yield (
                    line,
                    [
                        _text(text if cell is None else cell)
                        for cell, text in zip(cells, written, strict=True)
                    ],
                )
        for book in books:
            book.close()
    except Exception as error:  # openpyxl lets through whatever its zip and XML readers raise
        raise UserError(f"{path}: not an undamaged Excel file: {error_line(error)}") from error


def _shown(rows: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    """Values of cells; one that is shown as a percentage with its sign, which is not what it holds."""
    for row in rows:
        yield [
            f"{cell.value * 100:.15g}%"
            if isinstance(cell.value, int | float) and "%" in str(cell.number_format)
            else cell.value
            for cell in row
        ]


def _text(cell: Any) -> str:
    return "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell).strip()
