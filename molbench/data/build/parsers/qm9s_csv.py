"""QM9S as one table a molecule: ``qm9s_csv.zip`` with ``qm9s_csv/000001.csv`` and so on.

A table is a data frame as pandas writes it: a line of column numbers, then rows that begin with their own
number and end in empty cells. But for that, rows and columns are as the collection's ``readme.txt`` lists
them, except that a row of coordinates has the atomic number in front of x, y and z.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.qm9s import ATOM_TENSORS, CHUNK_MOLECULES, TENSORS, tensor_schema
from molbench.data.build.parsers.text import decimals, shown, whole
from molbench.errors import UserError, error_line

_NAME = re.compile(r"(\d{1,9})\.csv")
_MAX_MEMBER = 1 << 23
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)

#: Rows before the coordinates: identity, energy, charges, and one a tensor.
_HEAD = 3 + len(TENSORS)


_archive = partial(only_file, suffixes=(".zip",), what="the archive qm9s_csv.zip")


@dataclass(frozen=True)
class Qm9sCsv(Parser):
    """Structures, energies, charges and tensors; the Hessian (9 N² numbers) is left out.

    Records are called ``qm9s_n`` after their number n in QM9S, which is the name of the file and must stand
    in it; ``qm9_number`` is the number in QM9. SMILES and structure must be of the same atoms.
    """

    name = "qm9s-csv"

    def schema(self) -> pa.Schema:
        """Identity, structure, energy (eV), natural charges (e) and tensors."""
        return tensor_schema()

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of molecules in the order of their numbers."""
        with open_molecules(_archive(files)) as molecules:
            return even_bounds(len(molecules.numbers), count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of molecules."""
        chunk = Collector(self.schema(), CHUNK_MOLECULES)
        with open_molecules(_archive(shard.files)) as molecules:
            for number in molecules.numbers[shard.start : shard.stop]:
                where = molecules.where(number)
                with chunk.record(f"qm9s_{number}", where):
                    chunk.add(f"qm9s_{number}", where, **molecules.molecule(number))
                yield from chunk.when_full()
        yield chunk.take()


class MoleculeArchive:
    """The archive as a mapping from number to molecule; made by `open_molecules`.

    Attributes:
        numbers: Numbers of the molecules, ascending.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names: dict[int, str] = {}
        for name in archive.namelist():
            if match := _NAME.fullmatch(PurePosixPath(name).name):
                if int(match[1]) in self._names:
                    raise UserError(f"{path}: two files for molecule {int(match[1]):,}")
                self._names[int(match[1])] = name
        if not self._names:
            raise UserError(f"{path}: no file 000001.csv or the like in the archive")
        self.numbers = sorted(self._names)

    def where(self, number: int) -> str:
        """Name of the file of a molecule."""
        return PurePosixPath(self._names[number]).name

    def molecule(self, number: int) -> dict[str, Any]:
        """Columns of one molecule.

        Raises:
            ValueError: If its file does not have the form, or is that of another molecule.
        """
        with self._archive.open(self._names[number]) as file:
            text = file.read(_MAX_MEMBER + 1)
        if len(text) > _MAX_MEMBER:
            raise ValueError("a file of more than 8 MiB: not the table of a molecule")
        stated, molecule = read_qm9s_table(text)
        if stated != number:
            raise ValueError(f"the file says that it is of molecule {stated}: names and content do not agree")
        return molecule


@contextmanager
def open_molecules(path: Path) -> Iterator[MoleculeArchive]:
    """Open the archive.

    Raises:
        UserError: If it is no archive of molecules, or is found to be damaged while it is read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield MoleculeArchive(path, archive)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except _DAMAGE as error:
        raise UserError(
            f"{path}: not an undamaged zip archive, it may be cut short: {error_line(error)}"
        ) from error


def read_qm9s_table(text: bytes) -> tuple[int, dict[str, Any]]:
    """One table of the collection.

    Args:
        text: Comma-separated, with N atoms 11 + 6 N lines.

    Returns:
        Number in QM9S, and the columns of the record, with the structure as ``atomic_numbers`` [N] and
        ``positions`` [3 N] (Å).

    Raises:
        ValueError: If the text does not have this form.
    """
    lines = text.rstrip().splitlines()[1:]
    if len(lines) < _HEAD:
        raise ValueError(f"{len(lines)} rows are too few: the file is cut short")
    header = _cells(lines[0])
    if len(header) != 4:
        raise ValueError(f"row 0 has {len(header)} cells instead of two numbers, SMILES and number of atoms")
    number, qm9_number, atoms = (_integer(header[at]) for at in (0, 1, 3))
    if atoms == 0:
        raise ValueError("a molecule without atoms")
    if len(lines) != _HEAD + 6 * atoms:
        raise ValueError(f"{len(lines)} rows instead of {_HEAD + 6 * atoms} for {atoms} atoms")
    if not header[2].isascii():
        raise ValueError(f"not a SMILES: {shown(header[2])}")
    smiles = header[2].decode()
    molecule: dict[str, Any] = {"smiles": smiles, "qm9_number": qm9_number}
    (molecule["energy"],) = _row(lines, 1, 1, "energy")
    molecule["charges"] = _row(lines, 2, atoms, "charges")
    for at, (name, count) in enumerate(TENSORS.items(), start=3):
        molecule[name] = _row(lines, at, count, name)
    at = _HEAD
    rows = [_cells(line) for line in lines[at : at + atoms]]
    if bad := [i for i, row in enumerate(rows) if len(row) != 4]:
        raise ValueError(f"row {at + bad[0]}: atom {bad[0] + 1} is not an atomic number and x, y, z")
    numbers = [_integer(row[0]) for row in rows]
    if wrong := [entry for entry in numbers if not 1 <= entry <= 118]:
        raise ValueError(f"unknown element {wrong[0]}")
    molecule["atomic_numbers"] = numbers
    molecule["positions"] = decimals([cell for row in rows for cell in row[1:]])
    for name, count in ATOM_TENSORS.items():
        at += atoms
        molecule[name] = np.array([_row(lines, at + i, count, name) for i in range(atoms)])
    _row(lines, len(lines) - 1, 3 * atoms, "the Hessian")  # so that a file cut short in it is noticed
    if missing_hydrogens(smiles, numbers):
        raise ValueError(f"the SMILES {smiles[:60]!r} has another number of hydrogens than the structure")
    return number, molecule


def _cells(line: bytes) -> list[bytes]:
    """Cells of a row, without its number and without the empty ones that fill it up."""
    cells = [cell.strip() for cell in line.split(b",")[1:]]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _row(lines: list[bytes], at: int, count: int, name: str) -> list[float]:
    cells = _cells(lines[at])
    if len(cells) != count:
        raise ValueError(f"row {at}: {len(cells)} numbers instead of {count} for {name}")
    return decimals(cells)


def _integer(cell: bytes) -> int:
    """A whole number that a column of floats may have turned into ``5.0``."""
    return whole(cell.removesuffix(b".0"))
