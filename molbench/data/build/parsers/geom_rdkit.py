"""GEOM as its authors published it: ``summary_*.json`` and one pickle of RDKit molecules a molecule."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, even_bounds, make_shards
from molbench.data.build.parsers.bonded import BondedChunk
from molbench.data.build.parsers.geom import Structure, add_molecule, check_geom_options, geom_schema
from molbench.data.build.parsers.geom_archive import geom_folder, is_compressed, pickles, summary
from molbench.data.build.parsers.mol_process import MolProcess
from molbench.data.build.parsers.restricted_pickle import Call, load
from molbench.errors import UserError

MOL = "rdkit.Chem.rdchem.Mol"


class GeomRdkit:
    """Conformers with weights and energies, one row each.

    The source is ``rdkit_folder.tar.gz``, which is never unpacked: a single process reads it once from its
    beginning, one molecule in memory at a time, since a compressed archive has no other way in. The archive
    decompressed (``rdkit_folder.tar``), or the extracted folder, found by ``summary_<molecules>.json`` in it,
    is shared out among processes by ranges of molecules. Records come in the order of the archive, or of the
    summary where there is only the folder.

    Pickles are read as inert data (``restricted_pickle``), the molecules in them by RDKit in a process apart
    (``mol_process``). Molecules of the summary that have no pickle, or whose pickle is not there, are
    failures. Options: ``molecules`` (``qm9`` or ``drugs``), ``conformers`` (how many of each molecule, the
    heaviest; by default all) and ``graph`` (``same`` leaves out conformers whose bonds are not the
    molecule's, ``any`` keeps them).
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, bonds, weight and energies."""
        check_geom_options("geom-rdkit", options)
        return geom_schema()

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of the molecules of the summary; one for a compressed archive."""
        check_geom_options("geom-rdkit", options)
        path = geom_folder(files, options["molecules"])
        if is_compressed(path):
            return make_shards("geom-rdkit", files, options, [0, 1])
        total = sum(1 for _ in summary(path, options["molecules"]))
        if total == 0:
            raise UserError(f"{path}: an empty summary")
        return make_shards("geom-rdkit", files, options, even_bounds(total, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the molecules of a range."""
        options = shard.options
        path = geom_folder(shard.paths, options["molecules"])
        chunk = BondedChunk(self.schema(options))
        with MolProcess() as process:

            def structure(conformer: Mapping[str, Any], _number: int) -> Structure:
                return process.read(_binary(conformer.get("rd_mol")))

            for smiles, where, data in pickles(path, options["molecules"], shard.start, shard.stop):
                try:
                    entry = load(_content(data), frozenset({MOL}))
                except ValueError as error:
                    chunk.fail(smiles, where, str(error))
                else:
                    yield from add_molecule(chunk, smiles, entry, where, options, structure)
                if chunk.full:
                    yield chunk.take()
        yield chunk.take()


def _content(data: bytes | str) -> bytes:
    if isinstance(data, str):
        raise ValueError(data)
    return data


def _binary(molecule: object) -> bytes:
    """Bytes of a pickled ``Mol``.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(molecule, Call) or molecule.name != MOL or len(molecule.args) != 1:
        raise ValueError("rd_mol is no molecule of RDKit")
    if type(molecule.args[0]) is not bytes:
        raise ValueError("rd_mol is a molecule made from something that is not its binary form")
    return molecule.args[0]


GEOM_RDKIT = GeomRdkit()
