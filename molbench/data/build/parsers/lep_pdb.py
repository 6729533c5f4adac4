"""LEP in its raw form: a table of ligands, and a PDB file of each ligand docked to each structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.atom3d_lep import activity, ligand_complex
from molbench.data.build.parsers.base import Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.complexes import CHUNK_COMPLEXES, complex_schema, complex_values
from molbench.data.build.parsers.pocket import PocketRule
from molbench.data.build.parsers.structure_files import read_pdb, small_file
from molbench.data.build.parsers.tables import read_table
from molbench.errors import UserError

_STRUCTURES = ("active_struc", "inactive_struc")
_COLUMNS = {name: [name] for name in ("protein", "ligand", *_STRUCTURES, "label")}

_table = partial(only_file, suffixes=(".csv",), what="the table of ligands")


@dataclass(frozen=True)
class LepPdb(Parser):
    """Rows of the table in their order; ids are ATOM3D's, ``<ligand>__<active PDB>__<inactive PDB>``.

    Columns are found by name; ``active_struc`` and ``inactive_struc`` hold ``<ligand>_to_<PDB>``, the names
    of the files without ``.pdb``.

    Attributes:
        pocket: Which atoms of the protein.
    """

    name = "lep-pdb"
    pocket: PocketRule = "stored"

    def schema(self) -> pa.Schema:
        """Columns as of ``atom3d-lep``."""
        return complex_schema("structure", "activator")

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of rows."""
        return even_bounds(len(_rows(_table(files))), count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows."""
        chunk = Collector(self.schema(), CHUNK_COMPLEXES)
        files = {path.name: path for path in shard.files.values()}
        for where, row in _rows(_table(shard.files))[shard.start : shard.stop]:
            with chunk.record(row["ligand"], where):
                codes = [row[column].rpartition("_to_")[2] for column in _STRUCTURES]
                chunk.add("__".join([row["ligand"], *codes]), where, **self._values(row, files))
            yield from chunk.when_full()
        yield chunk.take()

    def _values(self, row: Mapping[str, str], files: Mapping[str, Path]) -> dict[str, Any]:
        structures = []
        for column in _STRUCTURES:
            path = files.get(f"{row[column]}.pdb")
            if path is None:
                raise ValueError(f"no file {row[column][:80]}.pdb")
            content = small_file(path)
            try:
                protein = read_pdb(content)
                structures.append(ligand_complex(protein.atoms, protein.chains, rule=self.pocket))
            except ValueError as error:
                raise ValueError(f"{path.name}: {error}") from None
        if not row["protein"]:
            raise ValueError("no protein")
        return complex_values(structures) | {
            "ligand_smiles": row.get("smiles") or None,
            "group": row["protein"],
            "activator": activity(row["label"]),
        }


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    rows = list(read_table(path, _COLUMNS, optional={"smiles": ["SMILES"]}))
    if not rows:
        raise UserError(f"{path}: no rows")
    return rows
