"""Hydration free energies of FreeSolv's own ``database.txt``.

Mobley and Guthrie, FreeSolv, J. Comput.-Aided Mol. Des. 28, 711 (2014).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from molbench.data.build.parsers.solvation import SolvationTable
from molbench.data.build.parsers.text import printable, read_line
from molbench.errors import UserError

_FIELDS = 9  # and a note
_WATER = "O"


@dataclass(frozen=True)
class FreeSolv(SolvationTable):
    """One record a compound, the solvent is water; fields are separated by semicolons, ``#`` is a comment.

    The id is the compound's, ``mobley_…``; the value is the experimental one, the fourth field.
    """

    name = "freesolv"
    what = "FreeSolv's database.txt"
    suffixes = ("database.txt",)

    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """All compounds."""
        line = compounds = 0
        with path.open("rb") as file:
            while raw := read_line(file, path):
                line += 1
                text = raw.decode("utf-8-sig", "surrogateescape").strip()
                if text and not text.startswith("#"):
                    compounds += 1
                    fields = [field.strip() for field in text.split(";")]
                    row = dict(zip(("id", "solute", "name", "value"), fields, strict=False))
                    row = dict.fromkeys(("solute", "value"), "") | row
                    yield f"{path.name}, line {line:,}", row | {"solvent": _WATER, "fields": str(len(fields))}
        if not compounds:
            raise UserError(f"{path}: no compounds: not FreeSolv's database.txt")

    def includes(self, row: Mapping[str, str]) -> bool:
        """All rows that are complete."""
        if int(row["fields"]) < _FIELDS:
            raise ValueError(f"{row['fields']} fields, there should be nine and a note")
        if not row["id"] or not row["id"].isascii():
            raise ValueError(f"not a compound id: {printable(row['id'])!r}")
        return True
