"""LEP in its raw form: a table of ligands, and a PDB file of each ligand docked to each structure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.atom3d_lep import activity, ligand_complex
from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.complexes import ComplexChunk, complex_schema
from molbench.data.build.parsers.pocket import check_pocket_rule
from molbench.data.build.parsers.structure_files import read_pdb
from molbench.errors import UserError

_MAX_BYTES = 64 << 20
_STRUCTURES = ("active_struc", "inactive_struc")
_NEEDED = ("protein", "ligand", *_STRUCTURES, "label")
_SMILES = "SMILES"


class LepPdb:
    """Rows of the table in their order; ids are ATOM3D's, ``<ligand>__<active PDB>__<inactive PDB>``.

    Columns are found by name; ``active_struc`` and ``inactive_struc`` hold ``<ligand>_to_<PDB>``, the names
    of the files without ``.pdb``. Option ``pocket`` is as for ``atom3d-lep``.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Columns as of ``atom3d-lep``."""
        check_options("lep-pdb", options, {"pocket": str})
        check_pocket_rule(options.get("pocket", "stored"))
        return complex_schema("structure", "activator")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of rows."""
        self.schema(options)
        return make_shards("lep-pdb", files, options, even_bounds(len(_rows(files)), count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows."""
        chunk = ComplexChunk(self.schema(shard.options))
        files = {path.name: path for path in shard.paths.values()}
        table, rows = _table(shard.paths), _rows(shard.paths)
        for number, row in list(enumerate(rows, start=1))[shard.start : shard.stop]:
            where = f"{table.name}, row {number}"
            try:
                _add(chunk, row, where, files, shard.options.get("pocket", "stored"))
            except ValueError as error:
                chunk.fail(row["ligand"], where, str(error))
            if chunk.full:
                yield chunk.take()
        if len(chunk):
            yield chunk.take()


def _table(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".csv",), "the table of ligands")


def _rows(files: Mapping[str, Path]) -> list[dict[str, str]]:
    """Rows of the table by column name; a row that is too short has empty values."""
    path = _table(files)
    if path.stat().st_size > _MAX_BYTES:
        raise UserError(f"{path}: larger than {_MAX_BYTES >> 20} MiB: not the table of ligands")
    text = path.read_bytes().decode("utf-8-sig", "replace")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", restkey=None)
        names = {name.strip(): name for name in reader.fieldnames or [] if name}
        if missing := [name for name in _NEEDED if name not in names]:
            raise UserError(
                f"{path}: no column '{missing[0]}'; the columns are: {', '.join(names) or 'none'}"
            )
        wanted = {name: names[name] for name in (*_NEEDED, _SMILES) if name in names}
        rows = [{name: row[column].strip() for name, column in wanted.items()} for row in reader]
    except csv.Error as error:
        raise UserError(f"{path}: not a table of comma-separated values: {error}") from error
    if not rows:
        raise UserError(f"{path}: no rows")
    return rows


def _add(
    chunk: ComplexChunk, row: Mapping[str, str], where: str, files: Mapping[str, Path], rule: str
) -> None:
    structures = []
    for column in _STRUCTURES:
        path = files.get(f"{row[column]}.pdb")
        if path is None:
            raise ValueError(f"no file {row[column][:80]}.pdb")
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB")
        try:
            protein = read_pdb(path.read_bytes())
            structures.append(ligand_complex(protein.atoms, protein.chains, rule=rule))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from None
    if not row["protein"]:
        raise ValueError("no protein")
    codes = [row[column].rpartition("_to_")[2] for column in _STRUCTURES]
    chunk.add_complex(
        "__".join([row["ligand"], *codes]),
        where,
        structures,
        ligand_smiles=row.get(_SMILES) or None,
        group=row["protein"],
        activator=activity(row["label"]),
    )


LEP_PDB = LepPdb()
