"""Assembly of pairs of molecules into tables."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Failure
from molbench.data.build.parsers.columns import REQUIRED_OF_PAIRS
from molbench.data.build.parsers.text import decimals

_TYPES = {"drawn": pa.bool_(), "source_rows": pa.int64()}

#: Longer strings are not parsed: no molecule here has a tenth of that, and RDKit's parser is recursive.
_LONGEST = 10_000


def pair_schema(*names: str) -> pa.Schema:
    """Schema of ``id``, both SMILES and further columns.

    ``drawn`` says whether a negative pair was drawn by the parser, ``source_rows`` how many rows of the
    source a record stands for; any other name is a target.
    """
    text = [(name, pa.string()) for name in REQUIRED_OF_PAIRS]
    return pa.schema([*text, *((name, _TYPES.get(name, pa.float64())) for name in names)])


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
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    if not smiles or len(smiles) > _LONGEST or not smiles.isascii() or " " in smiles:
        return None
    if not smiles.isprintable():
        return None
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if not molecule or molecule.GetNumAtoms() == 0:
            return None
        return str(Chem.MolToSmiles(molecule))


def printable(text: str) -> str:
    """Text of a file as it can be put into an id or a message."""
    kept = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()
    return kept if len(kept) <= 200 else kept[:200] + "…"


class PairChunk:
    """Collects pairs one at a time until there are enough for a chunk.

    Args:
        schema: Columns; those of ``pair_schema``.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._columns: dict[str, list[Any]] = {name: [] for name in schema.names}
        self._failures: list[Failure] = []

    @property
    def full(self) -> bool:
        """Whether the chunk should be yielded."""
        return len(self._columns["id"]) + len(self._failures) >= CHUNK_RECORDS

    def add(self, identifier: str, a_smiles: str, b_smiles: str, **values: Any) -> None:
        """Add one pair, found sound before."""
        record = {"id": identifier, "a_smiles": a_smiles, "b_smiles": b_smiles, **values}
        for name, column in self._columns.items():
            column.append(record[name])

    def fail(self, identifier: str, where: str, reason: object) -> None:
        """Count one record that could not be read."""
        self._failures.append(Failure(printable(identifier), where, str(reason)))

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        table = pa.table(self._columns, schema=self._schema)
        chunk = Chunk(table, tuple(self._failures))
        self._columns = {name: [] for name in self._schema.names}
        self._failures = []
        return chunk
