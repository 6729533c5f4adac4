"""V2000 connection tables (CTfile formats, BIOVIA): atoms by fixed columns, SMILES through RDKit."""

import re
from typing import Any

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.data.build.parsers.elements import atomic_number
from molbench.data.build.parsers.text import coordinate, shown, whole

_HEADER = 4
_COLUMNS = (slice(0, 10), slice(10, 20), slice(20, 30))
#: Columns with four decimals each, which need no closer look but at what is before the point.
_DECIMALS = re.compile(rb"(?:[ \d-]{5}\.\d{4}){3}")


def read_molblock(block: bytes) -> tuple[list[int], list[float]]:
    """Atoms of one V2000 block.

    Args:
        block: Three header lines, counts line, atom block, bond block, properties up to ``M  END``.

    Returns:
        Atomic numbers, [N], and coordinates (Å), [3 N].

    Raises:
        ValueError: If the block is malformed or names an unknown element.
    """
    lines = block.split(b"\n")
    if len(lines) < _HEADER or b"V2000" not in lines[3]:
        raise ValueError("the fourth line is not the counts line of a V2000 block")
    atoms, bonds = whole(lines[3][:3]), whole(lines[3][3:6])
    if atoms == 0:
        raise ValueError("a molecule without atoms")
    tail = lines[_HEADER + atoms + bonds :]
    if not any(line.startswith(b"M  END") for line in tail):
        raise ValueError(
            f"no M  END behind {atoms} atoms and {bonds} bonds: the counts do not fit, or it is cut short"
        )
    numbers: list[int] = []
    coordinates: list[float] = []
    for at, line in enumerate(lines[_HEADER : _HEADER + atoms], start=1):
        try:
            numbers.append(atomic_number(line[31:34].strip()))
            coordinates += atom_position(line)
        except ValueError as error:
            raise ValueError(f"{error} in atom {at}") from None
    return numbers, coordinates


def atom_position(line: bytes) -> list[float]:
    """x, y and z (Å) of a line of the atom block, in columns of the form F10.4.

    Raises:
        ValueError: If one of them is no coordinate.
    """
    if _DECIMALS.match(line):
        try:
            return [float(line[:10]), float(line[10:20]), float(line[20:30])]
        except ValueError:
            pass
    return [coordinate(line[column], 4) for column in _COLUMNS]


def read_bonds(block: bytes) -> tuple[list[tuple[int, int]], list[int]]:
    """Bonds of a V2000 block as they are written, aromatic rings as alternating bonds or as order 4.

    Args:
        block: A block that ``read_molblock`` has accepted.

    Returns:
        Atom indices from 0, [K, 2], and orders, [K].

    Raises:
        ValueError: If a bond is not between two atoms of the molecule, or of no known order.
    """
    lines = block.split(b"\n")
    atoms, count = whole(lines[3][:3]), whole(lines[3][3:6])
    pairs, orders = [], []
    for line in lines[_HEADER + atoms : _HEADER + atoms + count]:
        first, second, order = whole(line[0:3]), whole(line[3:6]), whole(line[6:9])
        if not (1 <= first <= atoms and 1 <= second <= atoms and first != second and 1 <= order <= 4):
            raise ValueError(f"not a bond between two of the {atoms} atoms: {shown(line)}")
        pairs.append((first - 1, second - 1))
        orders.append(order)
    if len({frozenset(pair) for pair in pairs}) != len(pairs):
        raise ValueError("two atoms are bonded twice")
    return pairs, orders


def bonded_columns(block: bytes) -> dict[str, Any]:
    """Columns of the atoms and bonds of one V2000 block.

    Raises:
        ValueError: As :func:`read_molblock` and :func:`read_bonds`.
    """
    numbers, positions = read_molblock(block)
    bonds, orders = read_bonds(block)
    return {"atomic_numbers": numbers, "positions": positions, "bonds": bonds, "bond_orders": orders}


def smiles_of_molblock(block: bytes) -> str | None:
    """Canonical isomeric SMILES of the bonds in a V2000 block, or None where RDKit cannot sanitise them.

    Stereochemistry is that of the three-dimensional structure.
    """
    with BlockLogs():
        molecule = Chem.MolFromMolBlock(block.decode("latin-1"))
        return str(Chem.MolToSmiles(molecule)) if molecule else None
