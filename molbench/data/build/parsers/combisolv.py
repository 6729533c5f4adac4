"""Solvation free energies of the CombiSolv tables and of what papers made of them.

Vermeire and Green, Transfer learning for solvation free energies, Chem. Eng. J. 418, 129307 (2021).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.pairs import PairChunk, number, pair_schema, printable, require_smiles
from molbench.data.build.parsers.tables import Names, read_rows, read_table
from molbench.errors import UserError

SUFFIXES = (".csv", ".csv.gz", ".txt", ".tsv", ".xlsx")

SOURCES = ("abraham", "compsol", "freesolv")
"""Collections that the experimental table was put together from, as ``Source_all`` spells them."""

_SEPARATE: Names = {
    "solute": ["smiles_solute", "mol solute", "1"],
    "solvent": ["smiles_solvent", "mol solvent", "0"],
    "value": ["dGsolv_avg [kcal/mol]", "dGsolv_avg", "target Gsolv kcal"],
}
_JOINED: Names = {"both": ["ssid"], "value": ["dgsolv"]}
_SOURCE: Names = {"sources": ["Source_all", "7"]}


class CombiSolv:
    """One record a solute and solvent, its id both SMILES.

    Columns are found by name, in a table with one column a molecule (the authors' own files and the copies
    whose headers are numbers) or with both SMILES in one, ``solvent.solute``. Option ``source`` keeps the
    rows whose ``Source_all`` contains a collection's name, whatever else it contains; the value of such a row
    is still the mean over all its sources.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both molecules and the free energy."""
        _source(options)
        return pair_schema("dg_solv")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: rows of quoted text cannot be cut at a byte."""
        self.schema(options)
        _file(files)
        return make_shards("combisolv", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the table."""
        source = _source(shard.options)
        path = _file(shard.paths)
        joined = "ssid" in next((cells for _, cells in read_rows(path)), [])
        if joined and source:
            raise UserError(f"{path}: a table of solvent.solute does not say where a value is from")
        chunk = PairChunk(self.schema(shard.options))
        names = _JOINED if joined else dict(_SEPARATE) | (dict(_SOURCE) if source else {})
        for where, row in read_table(path, names):
            if source and source not in row["sources"].lower():
                continue
            if joined:
                row["solvent"], dot, row["solute"] = row["both"].partition(".")
            identifier = f"{row['solute']}|{row['solvent']}"
            try:
                if joined and (not dot or "." in row["solute"]):
                    raise ValueError(f"not solvent.solute: {printable(row['both'])!r}")
                require_smiles(row["solute"], "solute")
                require_smiles(row["solvent"], "solvent")
                value = number(row["value"])
            except ValueError as error:
                chunk.fail(identifier, where, error)
            else:
                chunk.add(identifier, row["solute"], row["solvent"], dg_solv=value)
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def _source(options: Mapping[str, Any]) -> str | None:
    check_options("combisolv", options, {"source": str})
    source = options.get("source")
    if source is not None and source not in SOURCES:
        raise UserError(f"parser 'combisolv': source '{source}' is none of {', '.join(SOURCES)}")
    return source


def _file(files: Mapping[str, Path]) -> Path:
    return only_file(files, SUFFIXES, "the CombiSolv table")


COMBISOLV = CombiSolv()
