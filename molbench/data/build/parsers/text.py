"""Lines and numbers as different programs write them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from molbench.errors import UserError

MAX_LINE = 1 << 20
_FIXED = re.compile(rb"[-+]?(?:\d+\.?|\.(?=\d))(\d*)")

SURROGATES = re.compile("[\ud800-\udfff]")
"""Stand in text for bytes that are no UTF-8, and cannot be written."""


def read_line(file: IO[bytes], path: Path) -> bytes:
    """The next line with its end; empty bytes at the end of the file.

    Raises:
        UserError: If the line is so long that the file cannot be the text it is taken for.
    """
    line = file.readline(MAX_LINE)
    if len(line) == MAX_LINE:
        raise UserError(f"{path}: a line of more than a million characters: not the format it is taken for")
    return line


def decimals(tokens: Sequence[bytes]) -> list[float]:
    """Decimal numbers; ``1.2*^-6``, as Mathematica writes it, is understood.

    Raises:
        ValueError: If one of them is none, naming it.
    """
    if b"_" not in b"".join(tokens):  # float() would take it for a separator of thousands
        try:
            return [float(token) for token in tokens]
        except ValueError:
            pass
    return [_decimal(token) for token in tokens]


def _decimal(token: bytes) -> float:
    try:
        return float(token.replace(b"*^", b"e").replace(b"_", b"?"))
    except ValueError:
        raise ValueError(f"not a number: {shown(token)}") from None


def coordinate(field: bytes, places: int) -> float:
    """The number in a column of fixed width, such as Fortran's F8.3.

    A number that leaves no blank must have its decimals: with more or fewer it may be the beginning of one
    that is too wide and runs into the next column.

    Args:
        field: The column.
        places: Decimals the format says.

    Raises:
        ValueError: If it holds no number, naming what it holds.
    """
    token = field.strip()
    decimal = _FIXED.fullmatch(token)
    if decimal is None or (len(token) == len(field) and len(decimal[1]) != places):
        raise ValueError(f"not a coordinate: {shown(field)}")
    return float(token)


def whole(token: bytes) -> int:
    """A whole number from 0.

    Raises:
        ValueError: If it is none.
    """
    digits = token.strip()
    if not digits.isdigit() or len(digits) > 18:
        raise ValueError(f"not a whole number: {shown(token)}")
    return int(digits)


def printable(text: str) -> str:
    """Text of a file as it can be put into a message; what was no UTF-8 in it is replaced."""
    kept = SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text).strip()
    return kept if len(kept) <= 200 else kept[:200] + "…"


def shown(token: bytes) -> str:
    """Bytes of a file as they can be put into a message."""
    text = token.decode("utf-8", "replace")
    return repr(text if len(text) <= 40 else text[:40] + "…")
