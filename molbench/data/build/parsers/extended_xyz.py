"""Columns, cell and units that the comment line of an xyz frame declares, and atoms read accordingly.

Extended xyz: ``key=value`` pairs in the comment line, of which ``Properties`` names the columns, ``Lattice``
and ``pbc`` the periodic cell (github.com/libAtoms/extxyz). A plain comment line declares nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from molbench.data.build.parsers.elements import atomic_number
from molbench.data.build.parsers.text import decimals, shown
from molbench.data.build.parsers.unit_names import length_unit
from molbench.errors import quoted
from molbench.spec.units import factor

_PAIR = re.compile(
    r"""(?<![^\s,;]) ([A-Za-z_][\w.-]*) \s*=\s*
    ( "(?:[^"\\]|\\.)*" | '[^']*' | \{[^{}]*\} | \[[^][]*\] | \S+ )""",
    re.VERBOSE,
)
_LENGTH = re.compile(r"(?:(?:length|distance|pos|positions?|coords?|coordinates?|r)_)?units?")
_UNIT = re.compile(r"(.+)_units?")
_ESCAPE = re.compile(r'\\(["\\])')
_TYPES = ("S", "R", "I", "L")
_FALSE, _TRUE = ("f", "false", "0"), ("t", "true", "1")


class LayoutError(ValueError):
    """The comment line declares something that is wrong, or that cannot be read here."""


@dataclass(frozen=True)
class Layout:
    """Where the lines of atoms have what is read of them.

    Attributes:
        symbol: Column of the element's symbol; None where there is only the atomic number.
        number: Column of the atomic number, if there is one.
        position: Column of x, followed by y and z.
        width: Columns of each line; None for at least those that are read.
        scale: Factor from the declared unit to Å.
        vectors: First column of everything that has three real numbers an atom, by name.
    """

    symbol: int | None = 0
    number: int | None = None
    position: int = 1
    width: int | None = None
    scale: float = 1.0
    vectors: Mapping[str, int] = field(default_factory=dict)


def comment_values(comment: str) -> dict[str, str]:
    """Every ``key=value`` of a comment line, without quotation marks; of one that stands twice the first."""
    values: dict[str, str] = {}
    for match in _PAIR.finditer(comment):
        values.setdefault(match[1], _unquoted(match[2]))
    return values


def refuse_contradictions(comment: str) -> None:
    """Refuse a comment line that says two things of one key.

    Raises:
        LayoutError: Naming the key.
    """
    values = comment_values(comment)
    for match in _PAIR.finditer(comment):
        if values[match[1]] != _unquoted(match[2]):
            raise LayoutError(f"{match[1]}= stands twice, with different values")


def unit_tags(values: Mapping[str, str]) -> dict[str, str]:
    """Units that are no lengths, by what they are of in small letters: ``energy`` of ``energy_unit=eV``.

    Args:
        values: Those of a comment line.
    """
    tags = ((_UNIT.fullmatch(key.lower()), value) for key, value in values.items())
    return {match[1]: value for match, value in tags if match and not _LENGTH.fullmatch(match[0])}


def layout_of(comment: str) -> Layout:
    """What a comment line declares.

    Raises:
        LayoutError: If the frame is periodic, has no positions, or a declaration is malformed.
    """
    pairs: dict[str, str] = {}
    for match in _PAIR.finditer(comment):
        key, value = match[1].lower().replace("-", "_"), _unquoted(match[2])
        known = key in {"properties", "lattice", "pbc"} or _LENGTH.fullmatch(key) is not None
        if known and pairs.setdefault(key, value) != value:
            raise LayoutError(f"{match[1]}= stands twice, with different values")
    _refuse_periodic(pairs)
    scale = _scale({key: value for key, value in pairs.items() if _LENGTH.fullmatch(key)})
    if "properties" not in pairs:
        return Layout(scale=scale)
    symbol, number, position, width, vectors = _columns(pairs["properties"])
    return Layout(symbol, number, position, width, scale, vectors)


def read_vectors(lines: Sequence[bytes], layout: Layout, name: str, first: int) -> list[float]:
    """Three numbers of each atom, [3 N], from the column that is called so.

    Args:
        lines: One an atom, which :func:`read_atoms` accepted.
        layout: Their columns.
        name: What the comment line calls them.
        first: Number of the first line in the file, for messages.

    Raises:
        ValueError: If there is no such column, or something in it is no number.
    """
    if name not in layout.vectors:
        raise ValueError(f"no {quoted(name)} (R:3) in Properties=, which has: {', '.join(layout.vectors)}")
    start = layout.vectors[name]
    values: list[float] = []
    for at, line in enumerate(lines):
        try:
            values += decimals(line.split()[start : start + 3])
        except ValueError as error:
            raise ValueError(f"{error} in {name} of atom {at + 1}, line {first + at:,}") from None
    return values


def read_atoms(lines: Sequence[bytes], layout: Layout, first: int) -> tuple[list[int], list[float]]:
    """Atoms of one frame.

    Args:
        lines: One an atom.
        layout: Their columns.
        first: Number of the first line in the file, for messages.

    Returns:
        Atomic numbers, [N], and coordinates (Å), [3 N].

    Raises:
        ValueError: If a line is no atom, or there is none.
    """
    if not lines:
        raise ValueError("a frame without atoms")
    numbers: list[int] = []
    coordinates: list[bytes] = []
    for at, line in enumerate(lines):
        try:
            number, xyz = _atom(line.split(), layout)
        except ValueError as error:
            raise ValueError(f"{error} in atom {at + 1}, line {first + at:,}") from None
        numbers.append(number)
        coordinates += xyz
    try:
        positions = decimals(coordinates)
    except ValueError:
        positions = []
        for at in range(len(lines)):
            try:
                positions += decimals(coordinates[3 * at : 3 * at + 3])
            except ValueError as error:
                raise ValueError(f"{error} in atom {at + 1}, line {first + at:,}") from None
    return numbers, positions if layout.scale == 1 else [value * layout.scale for value in positions]


def _atom(tokens: list[bytes], layout: Layout) -> tuple[int, list[bytes]]:
    if layout.width is not None and len(tokens) != layout.width:
        raise ValueError(f"{len(tokens)} columns instead of {layout.width}")
    if len(tokens) < layout.position + 3:
        raise ValueError("not a symbol and three coordinates")
    number = None if layout.number is None else atomic_number(tokens[layout.number])
    if layout.symbol is not None:
        of_symbol = atomic_number(tokens[layout.symbol])
        if number not in {None, of_symbol}:
            raise ValueError(f"element {shown(tokens[layout.symbol])} of atomic number {number}")
        number = of_symbol
    if number is None:
        raise ValueError("no element")
    return number, tokens[layout.position : layout.position + 3]


def _unquoted(value: str) -> str:
    """A value without what stands around it; of backslashes only those that escape one or a mark are dropped.

    Others are letters of a SMILES that somebody wrote as it is.
    """
    if value[0] not in "\"'{[" or len(value) < 2:
        return value
    inner = value[1:-1].strip()
    return _ESCAPE.sub(r"\1", inner) if value[0] == '"' else inner


def _columns(properties: str) -> tuple[int | None, int | None, int, int, dict[str, int]]:
    """Columns of symbol, atomic number and x, of all and of vectors, of ``species:S:1:pos:R:3``."""
    fields = properties.split(":")
    names, types, counts = fields[::3], fields[1::3], fields[2::3]
    whole = [count.isascii() and count.isdigit() and 0 < len(count) <= 3 for count in counts]
    if len(fields) % 3 or not all(whole) or not all(kind in _TYPES for kind in types):
        raise LayoutError(f"Properties={quoted(properties)} is not name:type:count:name:type:count…")
    starts: dict[tuple[str, str, int], int] = {}
    width = 0
    for name, kind, count in zip(names, types, map(int, counts), strict=True):
        if starts.setdefault((name.lower(), kind, count), width) != width:
            raise LayoutError(f"Properties= has {quoted(name)} twice")
        width += count
    position = starts.get(("pos", "R", 3))
    symbol, number = starts.get(("species", "S", 1)), starts.get(("z", "I", 1))
    if position is None or (symbol is None and number is None):
        lacking = "pos:R:3, the coordinates" if position is None else "species:S:1, the elements"
        raise LayoutError(f"Properties= has no {lacking}; it has: {quoted(', '.join(names))}")
    vectors = {
        name: starts[name.lower(), kind, int(count)]
        for name, kind, count in zip(names, types, counts, strict=True)
        if (kind, count) == ("R", "3")
    }
    return symbol, number, position, width, vectors


def _refuse_periodic(pairs: dict[str, str]) -> None:
    words = [word.lower() for word in re.split(r"[\s,]+", pairs.get("pbc", "")) if word]
    if "pbc" in pairs and (len(words) not in {1, 3} or not all(word in _FALSE + _TRUE for word in words)):
        raise LayoutError(f"pbc={quoted(pairs['pbc'])} is not three of T and F")
    if "lattice" in pairs and "pbc" not in pairs:
        raise LayoutError('a Lattice is periodic unless pbc="F F F" says otherwise; only molecules are read')
    if any(word in _TRUE for word in words):
        raise LayoutError(f"periodic (pbc={quoted(pairs['pbc'])}); only molecules are read")


def _scale(tags: dict[str, str]) -> float:
    try:
        units = {length_unit(value) for value in tags.values()}
    except ValueError as error:
        raise LayoutError(f"{', '.join(tags)}: {error}") from error
    if len(units) > 1:
        raise LayoutError(f"two units of length: {', '.join(sorted(units))}")
    return factor(units.pop(), "Å") if units else 1.0
