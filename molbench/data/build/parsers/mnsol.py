"""Solvation free energies of the Minnesota Solvation Database, from the table that the user holds.

Marenich et al., Minnesota Solvation Database, version 2012, University of Minnesota.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.pairs import PairChunk, number, pair_schema, require_smiles
from molbench.data.build.parsers.tables import Names, read_table
from molbench.errors import UserError

_COLUMNS: Names = {"value": ["DeltaGsolv"], "kind": ["type", "Type"]}
_SMILES: Names = {
    "solute": ["SMILES1", "smiles_solute", "SoluteSMILES"],
    "solvent": ["SMILES2", "smiles_solvent", "SolventSMILES"],
}
_CHARGE: Names = {"charge": ["Charge"]}


class MNSol:
    """One record a neutral solute and solvent, its id both SMILES.

    The table ``MNSol_alldata`` names molecules and has no SMILES; two columns with those of solute and
    solvent must have been added, ``SMILES1`` and ``SMILES2`` as in the tables that papers pass on. Rows of
    type ``rel`` are transfer free energies between two solvents, no solvation free energies, and rows with a
    charge are ions on a scale of their own: both are left out.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both molecules and the free energy."""
        check_options("mnsol", options, {})
        return pair_schema("dg_solv")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: the table is small."""
        self.schema(options)
        _file(files)
        return make_shards("mnsol", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the table."""
        path = _file(shard.paths)
        chunk = PairChunk(self.schema(shard.options))
        for where, row in read_table(path, _COLUMNS, optional=dict(_SMILES) | dict(_CHARGE)):
            if "solute" not in row or "solvent" not in row:
                raise UserError(
                    f"{path}: no SMILES: MNSol names molecules only; add the columns SMILES1 (solute) and "
                    "SMILES2 (solvent) to the table"
                )
            identifier = f"{row['solute']}|{row['solvent']}"
            try:
                if row["kind"] not in {"abs", "rel"}:
                    raise ValueError(f"type is abs or rel, not {row['kind'][:40]!r}")
                charge = number(row.get("charge") or "0")
                value = number(row["value"])
                if row["kind"] == "rel" or charge != 0:
                    continue
                require_smiles(row["solute"], "solute")
                require_smiles(row["solvent"], "solvent")
            except ValueError as error:
                chunk.fail(identifier, where, error)
            else:
                chunk.add(identifier, row["solute"], row["solvent"], dg_solv=value)
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def _file(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".txt", ".csv", ".tsv", ".xlsx"), "the MNSol table")


MNSOL = MNSol()
