"""Solvation free energies of the CombiSolv tables and of what papers made of them.

Vermeire and Green, Transfer learning for solvation free energies, Chem. Eng. J. 418, 129307 (2021).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from molbench.data.build.parsers.solvation import SolvationTable
from molbench.data.build.parsers.tables import Names, read_rows, read_table
from molbench.data.build.parsers.text import printable
from molbench.errors import UserError

_SEPARATE: Names = {
    "solute": ["smiles_solute", "mol solute", "1"],
    "solvent": ["smiles_solvent", "mol solvent", "0"],
    "value": ["dGsolv_avg [kcal/mol]", "dGsolv_avg", "target Gsolv kcal"],
}
_JOINED: Names = {"both": ["ssid"], "value": ["dgsolv"]}
_SOURCE: Names = {"sources": ["Source_all", "7"]}


@dataclass(frozen=True)
class CombiSolv(SolvationTable):
    """One record a solute and solvent, its id both SMILES.

    Columns are found by name, in a table with one column a molecule (the authors' own files and the copies
    whose headers are numbers) or with both SMILES in one, ``solvent.solute``.

    Attributes:
        source: Keeps the rows whose ``Source_all`` contains a collection's name, whatever else it contains;
            the value of such a row is still the mean over all its sources.
    """

    name = "combisolv"
    what = "the CombiSolv table"
    suffixes = (".csv", ".csv.gz", ".txt", ".tsv", ".xlsx")
    source: Literal["abraham", "compsol", "freesolv"] | None = None

    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows of the source that is wanted."""
        joined = "ssid" in next((cells for _, cells in read_rows(path)), [])
        if joined and self.source:
            raise UserError(f"{path}: a table of solvent.solute does not say where a value is from")
        names = _JOINED if joined else dict(_SEPARATE) | (dict(_SOURCE) if self.source else {})
        for where, row in read_table(path, names):
            if joined:
                row["solvent"], _, row["solute"] = row["both"].partition(".")
            if self.source is None or self.source in row["sources"].lower():
                yield where, row

    def includes(self, row: Mapping[str, str]) -> bool:
        """All rows; two SMILES in one cell are joined by the only dot."""
        if row.get("both", ".").count(".") != 1:
            raise ValueError(f"not solvent.solute: {printable(row['both'])!r}")
        return True
