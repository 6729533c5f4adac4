"""Cells of tables of pairs: numbers and SMILES."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite

from molbench.data.build.parsers.text import decimals, printable

#: Longer strings are not parsed: no molecule here has a tenth of that, and RDKit's parser is recursive.
_LONGEST = 10_000


def number(text: str) -> float:
    """A finite decimal number.

    Raises:
        ValueError: If the cell holds none.
    """
    value = decimals([text.encode("utf-8", "surrogateescape")])[0]
    if not isfinite(value):
        raise ValueError(f"not a finite number: {text[:40]!r}")
    return value


def require_smiles(smiles: str, what: str) -> None:
    """Raise ValueError unless RDKit makes a molecule of a SMILES."""
    if canonical(smiles) is None:
        raise ValueError(f"RDKit cannot read the SMILES of the {what}: {printable(smiles)!r}")


@lru_cache(maxsize=1 << 16)
def canonical(smiles: str) -> str | None:
    """Canonical SMILES with stereochemistry, or None where RDKit makes no molecule of it."""
    from molbench.chem.inchikeys import canonical_smiles

    if not smiles or len(smiles) > _LONGEST or not smiles.isascii() or " " in smiles:
        return None
    if not smiles.isprintable():
        return None
    return canonical_smiles(smiles) or None
