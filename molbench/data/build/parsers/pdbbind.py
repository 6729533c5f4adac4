"""PDBbind as it is distributed: a folder of structures for every complex, and an index of affinities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Failure, Shard, check_options, even_bounds, make_shards
from molbench.data.build.parsers.complexes import (
    Complex,
    ComplexChunk,
    complex_schema,
    joined_sequence,
    protein_group,
)
from molbench.data.build.parsers.pdbbind_index import read_index
from molbench.data.build.parsers.pocket import check_pocket_rule, geossl_pocket
from molbench.data.build.parsers.structure_files import Protein, read_ligand, read_pdb
from molbench.errors import UserError

MAX_ATOMS = 500
"""Most atoms of pocket and ligand under GeoSSL's rule."""

_MAX_BYTES = 64 << 20
_RELATIONS = ("=", "<", ">", "<=", ">=", "~")
_POCKET = ("_pocket.pdb",)
_PROTEIN = ("_protein.pdb", "_protein_processed.pdb")  # the latter is the name in docking repositories
_LIGAND = ("_ligand.sdf", "_ligand.mol2")
_SUFFIXES = (*_POCKET, *_PROTEIN, *_LIGAND)

Entry = tuple[str, dict[str, Any]]
"""PDB code, and labels by column."""


class PdbBind:
    """Complexes in the order of the index, those of which there is any file.

    Option ``pocket`` is ``stored`` for PDBbind's own pocket file or ``geossl`` for the rule of
    :func:`geossl_pocket` on the protein file. Option ``relations`` keeps only complexes whose affinity was
    reported with one of these signs; without it all are kept, the sign in the column ``relation``. Option
    ``index: false`` reads the structures alone, in the order of their codes, for those who have no index.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Columns of a complex, ``sequence`` and, by an index, ``relation`` and target ``neglog_aff``."""
        check_options("pdbbind", options, {"pocket": str, "relations": list, "index": bool})
        check_pocket_rule(options.get("pocket", "stored"))
        if unknown := [sign for sign in options.get("relations", []) if sign not in _RELATIONS]:
            raise UserError(f"option 'relations' has {unknown[0]!r}; it may have: {' '.join(_RELATIONS)}")
        if not _indexed(options):
            if "relations" in options:
                raise UserError(
                    "option 'relations' needs the index of affinities, which 'index: false' leaves out"
                )
            return complex_schema("sequence")
        return complex_schema("sequence", "relation", "neglog_aff")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of the complexes that are there."""
        self.schema(options)
        entries, _ = _entries(files, options)
        if not entries:
            whose = (
                f"{_index_file(files)}: no complex of the index has" if _indexed(options) else "there is not"
            )
            raise UserError(
                f"{whose} a file <code>_pocket.pdb, <code>_protein.pdb, <code>_ligand.sdf or "
                "<code>_ligand.mol2"
            )
        return make_shards("pdbbind", files, options, even_bounds(len(entries), count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of complexes; the lines of the index that fail come with the first."""
        chunk = ComplexChunk(self.schema(shard.options))
        files = {path.name.lower(): path for path in shard.paths.values()}
        entries, failures = _entries(shard.paths, shard.options)
        for failure in failures if shard.start == 0 else ():
            chunk.fail(failure.id, failure.where, failure.reason)
        for code, labels in entries[shard.start : shard.stop]:
            try:
                _add(chunk, code, labels, files, shard.options.get("pocket", "stored"))
            except ValueError as error:
                chunk.fail(code, code, str(error))
            if chunk.full:
                yield chunk.take()
        if len(chunk):
            yield chunk.take()


def _index_file(files: Mapping[str, Path]) -> Path:
    found = [path for path in files.values() if path.name.startswith("INDEX")]
    if len(found) != 1:
        names = ", ".join(sorted(path.name for path in found)) or "none of that name"
        raise UserError(f"one index file of PDBbind (INDEX_refined_data.<year>) is needed; there is: {names}")
    return found[0]


def _indexed(options: Mapping[str, Any]) -> bool:
    return bool(options.get("index", True))


def _entries(files: Mapping[str, Path], options: Mapping[str, Any]) -> tuple[list[Entry], list[Failure]]:
    """Codes and labels of the complexes that are there, and the lines of the index that could not be read."""
    there = {
        path.name.lower().removesuffix(suffix)
        for path in files.values()
        for suffix in _SUFFIXES
        if path.name.lower().endswith(suffix)
    }
    if not _indexed(options):
        return [(code, {}) for code in sorted(there)], []
    wanted = options.get("relations", _RELATIONS)
    lines, failures = read_index(_index_file(files))
    return [
        (line.code, {"relation": line.relation, "neglog_aff": line.neglog})
        for line in lines
        if line.code in there and line.relation in wanted
    ], failures


def _add(
    chunk: ComplexChunk, code: str, labels: Mapping[str, Any], files: Mapping[str, Path], rule: str
) -> None:
    ligand, smiles = read_ligand(
        {path.name: _content(path) for suffix in _LIGAND if (path := files.get(code + suffix))}
    )
    whole = _protein(files, code, _PROTEIN)
    if rule == "geossl":
        if whole is None:
            raise ValueError(f"no {code}_protein.pdb to cut the pocket from")
        held = geossl_pocket(whole.atoms, ligand, max_atoms=MAX_ATOMS)
    else:
        pocket = _protein(files, code, _POCKET)
        if pocket is None:
            raise ValueError(f"no {code}_pocket.pdb")
        held = Complex(pocket.atoms, ligand)
    sequence = joined_sequence(whole.sequences) if whole is not None else ""
    chunk.add_complex(
        code,
        code,
        [held],
        ligand_smiles=smiles,
        sequence=sequence,
        group=protein_group(sequence, code),
        **labels,
    )


def _protein(files: Mapping[str, Path], code: str, suffixes: tuple[str, ...]) -> Protein | None:
    """The first of the files of a complex that is there."""
    for suffix in suffixes:
        if path := files.get(code + suffix):
            content = _content(path)
            try:
                return read_pdb(content)
            except ValueError as error:
                raise ValueError(f"{path.name}: {error}") from None
    return None


def _content(path: Path) -> bytes:
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB")
    return path.read_bytes()


PDBBIND = PdbBind()
