"""The molecules of one test split, looked up in a corpus chunk by chunk."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.chem.fingerprint import morgan
from molbench.chem.scaffold import murcko_scaffold
from molbench.data.folder.record_identity import COLUMNS, identity_keys
from molbench.data.leakage.matrix import LEVELS, Count, Overlap
from molbench.data.leakage.molecules import GEOMETRY, connectivity, named_molecules, smiles_columns
from molbench.data.leakage.sides import Split
from molbench.data.leakage.similarity_search import SimilaritySearch
from molbench.data.records import RECORD_KINDS

THRESHOLD = 0.9


class CorpusChunk:
    """Some records of the corpus, and what is asked of them, each computed once."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    @cached_property
    def named(self) -> pa.Table:
        """Distinct molecules by InChIKey."""
        return named_molecules(self.table)[0]

    @cached_property
    def scaffolds(self) -> pa.Array:
        """Scaffolds of those molecules."""
        return _scaffolds(self.named.column("smiles"))

    @cached_property
    def fingerprints(self) -> np.ndarray:
        """Fingerprints of those molecules."""
        return morgan(self.named.column("smiles").to_pylist())

    @cached_property
    def connectivity(self) -> pa.Array:
        """Bond graphs of the geometries."""
        return connectivity(self.table)


class Search:
    """The molecules of one test split, and which of them have been seen.

    InChIKeys are compared where both sides have SMILES, else bond graphs where both have geometries.

    Args:
        test: The test split, which is read here.
        source: The corpus, which is not.

    Attributes:
        columns: Columns of the corpus that it looks at.
    """

    def __init__(self, test: Split, source: Split) -> None:
        self._side = test.side
        self._unidentified = 0
        self._similar: SimilaritySearch | None = None
        self._keys: dict[str, pa.Array] = {}
        named = bool(smiles_columns(test.columns) and smiles_columns(source.columns))
        drawn = {*GEOMETRY} <= {*test.columns} & {*source.columns}
        self.compared_by = "inchikey" if named else "connectivity" if drawn else "nothing"
        test_columns, source_columns = (_identity_columns(split, named, drawn) for split in (test, source))
        level, identity = _whole(test, source)
        whole = list(COLUMNS[identity]) if identity else []
        self.columns = list(dict.fromkeys([*source_columns, *whole]))
        table = pa.concat_tables(test.stream(list(dict.fromkeys([*test_columns, *whole]))))
        if named:
            self._name(table)
        elif drawn:
            # Frames of a trajectory are one molecule, and distorted ones can seem to have other bonds.
            one = test.dataset.identity == "frame"
            self._keys["molecule"] = pc.unique(connectivity(table.slice(0, 1) if one else table))
        if identity:
            self._keys[level] = pc.unique(identity_keys(table, identity)).drop_null()
        self._whole = (level, identity)
        self._seen = {name: np.zeros(len(keys), dtype=bool) for name, keys in self._keys.items()}

    def look_up(self, chunk: CorpusChunk) -> None:
        """Mark what the chunk holds."""
        for level, keys in self._keys.items():
            among = self._among(chunk, level)
            self._seen[level] |= pc.is_in(keys, value_set=among.drop_null()).to_numpy(zero_copy_only=False)
        if self._similar is not None:
            self._similar.look_up(chunk.fingerprints)

    def result(self) -> Overlap:
        """What has been seen so far."""
        seen = dict(self._seen)
        if self._similar is not None:
            seen["similar"] = self._similar.similar
        return Overlap(
            test=self._side,
            compared_by=self.compared_by,
            unidentified=self._unidentified,
            counts={
                level: Count(seen=int(seen[level].sum()), of=seen[level].size)
                for level in LEVELS
                if level in seen
            },
        )

    def _among(self, chunk: CorpusChunk, level: str) -> pa.Array:
        if level == "scaffold":
            return chunk.scaffolds
        if level == "molecule":
            return chunk.named.column("key") if self.compared_by == "inchikey" else chunk.connectivity
        return identity_keys(chunk.table, self._whole[1])

    def _name(self, table: pa.Table) -> None:
        molecules, self._unidentified = named_molecules(table)
        self._keys["molecule"] = molecules.column("key").combine_chunks()
        scaffolds = _scaffolds(molecules.column("smiles"))
        self._keys["scaffold"] = scaffolds.filter(pc.greater(pc.binary_length(scaffolds), 0))
        self._similar = SimilaritySearch(morgan(molecules.column("smiles").to_pylist()), THRESHOLD)


def _identity_columns(split: Split, named: bool, drawn: bool) -> list[str]:
    return smiles_columns(split.columns) if named else list(GEOMETRY) if drawn else []


def _whole(test: Split, source: Split) -> tuple[str, str]:
    """Level and identity at which records of the same kind are compared; empty where they cannot be."""
    level, identity = RECORD_KINDS[test.dataset.record].whole
    if not identity or test.dataset.record != source.dataset.record:
        return "", ""
    shared = {*test.columns} & {*source.columns}
    return (level, identity) if {*COLUMNS[identity]} <= shared else ("", "")


def _scaffolds(smiles: pa.ChunkedArray) -> pa.Array:
    """Scaffold of each molecule; empty without a ring, null where RDKit cannot read it."""
    return pa.array([murcko_scaffold(text) if text else None for text in smiles.to_pylist()], pa.string())
