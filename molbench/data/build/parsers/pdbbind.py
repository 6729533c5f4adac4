"""PDBbind as it is distributed: a folder of structures for every complex, and an index of affinities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Failure, Parser, Shard, even_bounds
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.complexes import (
    CHUNK_COMPLEXES,
    LigandPocket,
    complex_schema,
    complex_values,
    joined_sequence,
    protein_group,
)
from molbench.data.build.parsers.pdbbind_index import read_index
from molbench.data.build.parsers.pocket import PocketRule, geossl_pocket
from molbench.data.build.parsers.structure_files import Protein, read_ligand, read_pdb, small_file
from molbench.errors import UserError

MAX_ATOMS = 500
"""Most atoms of pocket and ligand under GeoSSL's rule."""

Relation = Literal["=", "<", ">", "<=", ">=", "~"]
"""How an affinity was reported."""

_POCKET = ("_pocket.pdb",)
_PROTEIN = ("_protein.pdb", "_protein_processed.pdb")  # the latter is the name in docking repositories
_LIGAND = ("_ligand.sdf", "_ligand.mol2")
_SUFFIXES = (*_POCKET, *_PROTEIN, *_LIGAND)

Entry = tuple[str, dict[str, Any]]
"""PDB code, and labels by column."""


@dataclass(frozen=True)
class PdbBind(Parser):
    """Complexes in the order of the index, those of which there is any file.

    Attributes:
        pocket: ``stored`` is PDBbind's own pocket file, ``geossl`` is cut from the protein file.
        relations: Keeps only complexes whose affinity was reported with one of these signs; the sign is in
            the column ``relation``.
        index: False reads the structures alone, in the order of their codes, for those who have no index.
    """

    name = "pdbbind"
    pocket: PocketRule = "stored"
    relations: list[Relation] | None = None
    index: bool = True

    def __post_init__(self) -> None:
        if self.relations is not None and not self.index:
            raise UserError(
                "option 'relations' needs the index of affinities, which 'index: false' leaves out"
            )

    def schema(self) -> pa.Schema:
        """Columns of a complex, ``sequence`` and, by an index, ``relation`` and target ``neglog_aff``."""
        return complex_schema("sequence", *(("relation", "neglog_aff") if self.index else ()))

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of the complexes that are there."""
        entries, _ = self._entries(files)
        if not entries:
            whose = f"{_index_file(files)}: no complex of the index has" if self.index else "there is not"
            raise UserError(
                f"{whose} a file <code>_pocket.pdb, <code>_protein.pdb, <code>_ligand.sdf or "
                "<code>_ligand.mol2"
            )
        return even_bounds(len(entries), count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of complexes; the lines of the index that fail come with the first."""
        chunk = Collector(self.schema(), CHUNK_COMPLEXES)
        files = {path.name.lower(): path for path in shard.files.values()}
        entries, failures = self._entries(shard.files)
        for failure in failures if shard.start == 0 else ():
            chunk.fail(failure.id, failure.where, failure.reason)
        for code, labels in entries[shard.start : shard.stop]:
            with chunk.record(code, code):
                chunk.add(code, code, **self._values(code, files), **labels)
            yield from chunk.when_full()
        yield chunk.take()

    def _entries(self, files: Mapping[str, Path]) -> tuple[list[Entry], list[Failure]]:
        """Codes and labels of the complexes that are there, and lines of the index that cannot be read."""
        there = {
            path.name.lower().removesuffix(suffix)
            for path in files.values()
            for suffix in _SUFFIXES
            if path.name.lower().endswith(suffix)
        }
        if not self.index:
            return [(code, {}) for code in sorted(there)], []
        lines, failures = read_index(_index_file(files))
        return [
            (line.code, {"relation": line.relation, "neglog_aff": line.neglog})
            for line in lines
            if line.code in there and (self.relations is None or line.relation in self.relations)
        ], failures

    def _values(self, code: str, files: Mapping[str, Path]) -> dict[str, Any]:
        ligand, smiles = read_ligand(
            {path.name: small_file(path) for suffix in _LIGAND if (path := files.get(code + suffix))}
        )
        whole = _protein(files, code, _PROTEIN)
        if self.pocket == "geossl":
            if whole is None:
                raise ValueError(f"no {code}_protein.pdb to cut the pocket from")
            held = geossl_pocket(whole.atoms, ligand, max_atoms=MAX_ATOMS)
        else:
            pocket = _protein(files, code, _POCKET)
            if pocket is None:
                raise ValueError(f"no {code}_pocket.pdb")
            held = LigandPocket(pocket.atoms, ligand)
        sequence = joined_sequence(whole.sequences) if whole is not None else ""
        group = protein_group(sequence, code)
        return complex_values([held]) | {"ligand_smiles": smiles, "sequence": sequence, "group": group}


def _index_file(files: Mapping[str, Path]) -> Path:
    indices = [path for path in files.values() if path.name.startswith("INDEX")]
    if len(indices) != 1:
        names = ", ".join(sorted(path.name for path in indices)) or "none of that name"
        raise UserError(f"one index file of PDBbind (INDEX_refined_data.<year>) is needed; there is: {names}")
    return indices[0]


def _protein(files: Mapping[str, Path], code: str, suffixes: tuple[str, ...]) -> Protein | None:
    """The first of the files of a complex that is there."""
    for suffix in suffixes:
        if path := files.get(code + suffix):
            content = small_file(path)
            try:
                return read_pdb(content)
            except ValueError as error:
                raise ValueError(f"{path.name}: {error}") from None
    return None
