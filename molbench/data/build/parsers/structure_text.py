"""Coordinates in the text of structure files, to hold against what a library read.

gemmi and RDKit take asterisks, a decimal comma or a column that overflows for some other number in silence.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from molbench.data.build.parsers.elements import atomic_number
from molbench.data.build.parsers.molblock import atom_position
from molbench.data.build.parsers.text import coordinate, decimals, shown, whole

_TOLERANCE = 1e-6  # Å; both parse the same decimals
_PDB_ATOMS = (b"ATOM", b"HETA")
_PDB_COLUMNS = (slice(30, 38), slice(38, 46), slice(46, 54))
_SDF_HEADER = 4
_V30 = b"M  V30 "


def pdb_positions(content: bytes) -> NDArray[np.float64]:
    """Coordinates of the atoms of the first model of a PDB file, [N, 3] (Å).

    Raises:
        ValueError: If one of the columns of an atom holds no coordinate, naming the line.
    """
    rows = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        record = line[:6].upper()
        if record[:4] in _PDB_ATOMS:
            rows.append(_of_line(line.rstrip(b"\r"), number, _pdb_position))
        elif record[:3] == b"END" and rows:
            break
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def molblock_positions(content: bytes) -> NDArray[np.float64]:
    """Coordinates of the first block of an SD file, V2000 or V3000, [N, 3] (Å).

    Raises:
        ValueError: If it is no such block, or a coordinate is none, naming the line.
    """
    lines = content.splitlines()
    counts = lines[3] if len(lines) >= _SDF_HEADER else b""
    if b"V3000" in counts:
        rows = [_of_line(line, number, _free_position) for number, line in _v3000_atoms(lines)]
    else:
        atoms = whole(counts[:3])
        if len(lines) < _SDF_HEADER + atoms:
            raise ValueError(f"ends before the last of {atoms} atoms: cut short")
        rows = [_of_line(lines[at], at + 1, atom_position) for at in range(_SDF_HEADER, _SDF_HEADER + atoms)]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def read_v3000(block: bytes) -> tuple[list[int], list[float]]:
    """Atoms of one V3000 block.

    Returns:
        Atomic numbers, [N], and coordinates (Å), [3 N].

    Raises:
        ValueError: If the block is malformed or names an unknown element.
    """
    lines = block.splitlines()
    if not any(line.startswith(b"M  END") for line in lines):
        raise ValueError("no M  END: the block is cut short")
    counts = next((line.split()[3:4] for line in lines if line.startswith(_V30 + b"COUNTS")), [b""])
    numbers: list[int] = []
    coordinates: list[float] = []
    for _, text in _v3000_atoms(lines):
        try:
            numbers.append(atomic_number((text.split()[1:2] or [b""])[0]))
            coordinates += _free_position(text)
        except ValueError as error:
            raise ValueError(f"{error} in atom {len(numbers)}") from None
    if not numbers or len(numbers) != whole(b"".join(counts)):
        raise ValueError(f"{len(numbers)} atoms, and the counts line says {shown(b''.join(counts))}")
    return numbers, coordinates


def mol2_positions(content: bytes) -> NDArray[np.float64]:
    """Coordinates of the first molecule of a mol2 file, [N, 3] (Å).

    Raises:
        ValueError: If a coordinate is none, naming the line.
    """
    rows = []
    section, in_molecule = b"", False
    for number, line in enumerate(content.splitlines(), start=1):
        if line.startswith(b"@<TRIPOS>"):
            section = line.strip()
            if section == b"@<TRIPOS>MOLECULE" and in_molecule:
                break
            in_molecule = True
        elif section == b"@<TRIPOS>ATOM" and line.strip() and not line.startswith(b"#"):
            rows.append(_of_line(line, number, _free_position))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def refuse_misread(read: NDArray[np.float64], text: NDArray[np.float64]) -> None:
    """Refuse what a library read if it is not what stands in the text.

    Args:
        read: [N, 3] (Å).
        text: [N, 3] (Å), in the same order.

    Raises:
        ValueError: If the numbers of atoms or the coordinates differ.
    """
    if len(read) != len(text):
        raise ValueError(f"{len(read):,} atoms were read of {len(text):,} in the text")
    if not (np.abs(read - text) <= _TOLERANCE).all():
        raise ValueError("the coordinates read are not those in the text")


def _of_line(line: bytes, number: int, read: Callable[[bytes], list[float]]) -> list[float]:
    try:
        return read(line)
    except ValueError as error:
        raise ValueError(f"line {number:,}: {error}") from None


def _pdb_position(line: bytes) -> list[float]:
    return [coordinate(line[column], 3) for column in _PDB_COLUMNS]


def _free_position(line: bytes) -> list[float]:
    """x, y, z behind a number and a name, as in mol2 and V3000 files."""
    tokens = line.split()[2:5]
    try:
        values = decimals(tokens)
    except ValueError as error:
        raise ValueError(f"not a coordinate: {shown(b' '.join(tokens))}") from error
    if len(values) != 3:
        raise ValueError(f"not three coordinates: {shown(b' '.join(tokens))}")
    return values


def _v3000_atoms(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number and text of every atom's line; one that ends in a hyphen goes on in the next."""
    inside, begun = False, b""
    for number, line in enumerate(lines, start=1):
        if not line.startswith(_V30):
            continue
        text = begun + line[len(_V30) :].rstrip()
        begun = text[:-1] if text.endswith(b"-") else b""
        if begun:
            continue
        if text.split() == [b"END", b"ATOM"]:
            return
        if inside:
            yield number, text
        inside |= text.split() == [b"BEGIN", b"ATOM"]
