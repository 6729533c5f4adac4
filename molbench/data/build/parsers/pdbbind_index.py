"""PDBbind's index files: one complex a line, with its affinity as a number and as it was measured."""

from __future__ import annotations

import re
from math import log10
from pathlib import Path
from typing import NamedTuple

from molbench.data.build.parsers.base import Failure
from molbench.data.build.parsers.text import decimals, read_line, shown

_CODE = re.compile(rb"[0-9][0-9a-zA-Z]{3}")
_MEASURED = re.compile(rb"(Kd|Ki|IC50)(<=|>=|=|<|>|~)([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?)([fpnum]?)M")
_MOLAR = {b"": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9, b"p": 1e-12, b"f": 1e-15}

#: The number is -log10 of the measurement, rounded to two decimals.
_ROUNDING = 0.011


class Affinity(NamedTuple):
    """One line.

    Attributes:
        code: PDB code, lower case.
        neglog: -log10 of the constant in mol/L, as the index has it.
        relation: How the constant was reported: ``=``, ``<``, ``>``, ``<=``, ``>=`` or ``~``; it stands in
            front of the constant, so that ``<`` means a larger ``neglog``.
    """

    code: str
    neglog: float
    relation: str


def read_index(path: Path) -> tuple[list[Affinity], list[Failure]]:
    """All complexes of an index file in its order, and the lines that could not be read.

    Columns: PDB code, resolution, release year, -log10 of Kd or Ki (or IC50), the measurement, behind ``//``
    reference and ligand name.
    """
    affinities, failures = [], []
    with path.open("rb") as file:
        number = 0
        while line := read_line(file, path):
            number += 1
            tokens = line.split(b"//")[0].split()
            if not tokens or tokens[0].startswith(b"#"):
                continue
            try:
                affinities.append(_affinity(tokens))
            except ValueError as error:
                code = tokens[0][:8].decode("utf-8", "replace")
                failures.append(Failure(code, f"{path.name}, line {number}", str(error)))
    return affinities, failures


def _affinity(tokens: list[bytes]) -> Affinity:
    if len(tokens) < 5:
        raise ValueError("not code, resolution, year, -log10 and measurement")
    if not _CODE.fullmatch(tokens[0]):
        raise ValueError(f"not a PDB code: {shown(tokens[0])}")
    (neglog,) = decimals(tokens[3:4])
    measured = _MEASURED.fullmatch(tokens[4])
    if measured is None:
        raise ValueError(f"not a measured Kd, Ki or IC50: {shown(tokens[4])}")
    constant = float(measured[3]) * _MOLAR[measured[4]]
    if not constant > 0 or not abs(neglog + log10(constant)) < _ROUNDING:
        raise ValueError(f"{shown(tokens[3])} is not -log10 of {shown(tokens[4])}")
    return Affinity(tokens[0].decode().lower(), neglog, measured[2].decode())
