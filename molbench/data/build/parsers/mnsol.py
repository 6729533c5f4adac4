"""Solvation free energies of the Minnesota Solvation Database, from the table that the user holds.

Marenich et al., Minnesota Solvation Database, version 2012, University of Minnesota.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from molbench.data.build.parsers.cells import number
from molbench.data.build.parsers.solvation import SolvationTable
from molbench.data.build.parsers.tables import Names, read_table
from molbench.errors import UserError

_COLUMNS: Names = {"value": ["DeltaGsolv"], "kind": ["type", "Type"]}
_SMILES: Names = {
    "solute": ["SMILES1", "smiles_solute", "SoluteSMILES"],
    "solvent": ["SMILES2", "smiles_solvent", "SolventSMILES"],
}
_CHARGE: Names = {"charge": ["Charge"]}


@dataclass(frozen=True)
class MNSol(SolvationTable):
    """One record a neutral solute and solvent, its id both SMILES.

    The table ``MNSol_alldata`` names molecules and has no SMILES; two columns with those of solute and
    solvent must have been added, ``SMILES1`` and ``SMILES2`` as in the tables that papers pass on. Rows of
    type ``rel`` are transfer free energies between two solvents, no solvation free energies, and rows with a
    charge are ions on a scale of their own: both are left out.
    """

    name = "mnsol"
    what = "the MNSol table"
    suffixes = (".txt", ".csv", ".tsv", ".xlsx")

    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """All rows."""
        for where, row in read_table(path, _COLUMNS, optional=dict(_SMILES) | dict(_CHARGE)):
            if "solute" not in row or "solvent" not in row:
                raise UserError(
                    f"{path}: no SMILES: MNSol names molecules only; add the columns SMILES1 (solute) and "
                    "SMILES2 (solvent) to the table"
                )
            yield where, row

    def includes(self, row: Mapping[str, str]) -> bool:
        """Absolute values of neutral solutes."""
        if row["kind"] not in {"abs", "rel"}:
            raise ValueError(f"type is abs or rel, not {row['kind'][:40]!r}")
        charge = number(row.get("charge") or "0")
        number(row["value"])
        return row["kind"] == "abs" and charge == 0
