"""GEOM as its authors published it: ``summary_*.json`` and one pickle of RDKit molecules a molecule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molbench.data.build.parsers.base import Chunk, Shard, even_bounds
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.geom import Geom, Structure
from molbench.data.build.parsers.geom_archive import geom_folder, is_compressed, pickles, summary
from molbench.data.build.parsers.mol_process import MolProcess
from molbench.data.build.parsers.restricted_pickle import Call, load_pickle
from molbench.errors import UserError

MOL = "rdkit.Chem.rdchem.Mol"


@dataclass(frozen=True)
class GeomRdkit(Geom):
    """Conformers with weights and energies, one row each.

    The source is ``rdkit_folder.tar.gz``, which is never unpacked: a single process reads it once from its
    beginning, one molecule in memory at a time, since a compressed archive has no other way in. The archive
    decompressed (``rdkit_folder.tar``), or the extracted folder, found by ``summary_<molecules>.json`` in it,
    is shared out among processes by ranges of molecules. Records come in the order of the archive, or of the
    summary where there is only the folder.

    Pickles are read as inert data (``restricted_pickle``), the molecules in them by RDKit in a process apart
    (``mol_process``). Molecules of the summary that have no pickle, or whose pickle is not there, are
    failures.
    """

    name = "geom-rdkit"

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of the molecules of the summary; one for a compressed archive."""
        path = geom_folder(files, self.molecules)
        if is_compressed(path):
            return [0, 1]
        total = sum(1 for _ in summary(path, self.molecules))
        if total == 0:
            raise UserError(f"{path}: an empty summary")
        return even_bounds(total, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the molecules of a range."""
        path = geom_folder(shard.files, self.molecules)
        chunk = Collector(self.schema())
        with MolProcess() as process:

            def structure(conformer: Mapping[str, Any], _number: int) -> Structure:
                return process.read(_binary(conformer.get("rd_mol")))

            for smiles, where, data in pickles(path, self.molecules, shard.start, shard.stop):
                with chunk.record(smiles, where):
                    entry = load_pickle(_content(data), frozenset({MOL}))
                    yield from self.add_molecule(chunk, smiles, entry, where, structure)
                yield from chunk.when_full()
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
