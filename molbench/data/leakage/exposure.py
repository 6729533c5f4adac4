"""How near each record of a test split is to a pretraining corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.atomic import replace_file
from molbench.chem.fingerprint import bond_graph_morgan, morgan
from molbench.chem.similarity import nearest
from molbench.data.folder.record_identity import first_blocks
from molbench.data.leakage.molecules import (
    bond_graphs,
    graph_columns,
    named_molecules,
    smiles_columns,
)
from molbench.data.leakage.sides import Split
from molbench.data.records import SMILES
from molbench.paths import home

#: Raised whenever what is kept would change.
_VERSION = 2


@dataclass(frozen=True, eq=False)
class Exposure:
    """What a corpus shows of the records of a test split.

    Attributes:
        ids: Of the records.
        seen: Whether the corpus has a molecule of each, [n] bool.
        similarity: Largest Tanimoto similarity of a molecule of each to any of the corpus (Morgan, radius 2,
            2,048 bits), [n]; NaN where a molecule cannot be read.
    """

    ids: list[str]
    seen: np.ndarray
    similarity: np.ndarray


def exposure(test: Split, source: Split, *, without_test: bool = False) -> Exposure | None:
    """Compare the records of a test split with a corpus, in one pass over it.

    InChIKeys and fingerprints of molecules are compared where both sides have SMILES, else bond graphs and
    fingerprints of these.

    Args:
        test: The test split.
        source: The corpus.
        without_test: Whether the test molecules were left out of the corpus before pretraining.

    Returns:
        None where nothing can be compared.
    """
    test_columns, source_columns = smiles_columns(test.columns), smiles_columns(source.columns)
    if test_columns and source_columns:
        return _by_smiles(test, source, test_columns, source_columns, without_test)
    if graph_columns(test.columns) and graph_columns(source.columns):
        return _by_bonds(test, source, without_test)
    return None


def kept_exposure(test: Split, source: Split, *, without_test: bool = False) -> Exposure | None:
    """:func:`exposure`, kept below ``$MOLBENCH_HOME/exposures`` for as long as both sides stay the same."""
    sides = [side.model_dump(exclude={"records"}) for side in (test.side, source.side)]
    text = json.dumps([_VERSION, sides, without_test], sort_keys=True)
    path = home() / "exposures" / f"{sha256(text.encode()).hexdigest()}.parquet"
    if (kept := _read(path)) is not None:
        return kept
    made = exposure(test, source, without_test=without_test)
    if made is not None:
        columns = {"id": made.ids, "seen": made.seen, "similarity": made.similarity}
        with replace_file(path) as temporary:
            pq.write_table(pa.table(columns), temporary, compression="zstd")
    return made


def _read(path: Path) -> Exposure | None:
    """What was kept; None where there is nothing, or something else."""
    try:
        table = pq.read_table(path, partitioning=None)
        similarity = table.column("similarity").to_numpy().astype(np.float32)
        seen = table.column("seen").to_numpy(zero_copy_only=False).astype(bool)
        return Exposure(table.column("id").to_pylist(), seen, similarity)
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def _by_smiles(
    test: Split, source: Split, test_columns: Sequence[str], source_columns: Sequence[str], without_test: bool
) -> Exposure:
    table = pa.concat_tables(test.stream(["id", *test_columns]))
    molecules, _ = named_molecules(table)
    keys, queries = molecules.column("key").combine_chunks(), morgan(molecules.column("smiles").to_pylist())
    seen, best = np.zeros(len(keys), bool), np.zeros(len(keys), np.float32)
    for chunk in source.stream(source_columns):
        named, _ = named_molecules(chunk)
        if without_test:
            named = named.filter(pc.invert(pc.is_in(named.column("key"), value_set=keys)))
        seen |= pc.is_in(keys, value_set=named.column("key").combine_chunks()).to_numpy(zero_copy_only=False)
        best = np.maximum(best, nearest(queries, morgan(named.column("smiles").to_pylist())))
    sides = [_keys(table, name, key) for name, key in SMILES.items() if name in table.column_names]
    return Exposure(table.column("id").to_pylist(), *_of_records(sides, keys, seen, best))


def _keys(table: pa.Table, smiles: str, key: str | None) -> pa.Array:
    """First blocks of the InChIKeys of one molecule of each record."""
    if key in table.column_names:
        return first_blocks(table.column(key).combine_chunks())
    from molbench.chem.inchikeys import inchikey

    return first_blocks(pa.array([inchikey(text) for text in table.column(smiles).to_pylist()], pa.string()))


def _by_bonds(test: Split, source: Split, without_test: bool) -> Exposure:
    table = pa.concat_tables(test.stream(["id", *graph_columns(test.columns)]))
    # Frames of a trajectory are one molecule, and distorted ones can seem to have other bonds.
    one = test.dataset.identity == "frame"
    sides = bond_graphs(table.slice(0, 1) if one else table)
    keys = _distinct(sides)
    queries = bond_graph_morgan(keys.to_pylist())
    seen, best = np.zeros(len(keys), bool), np.zeros(len(keys), np.float32)
    for chunk in source.stream(graph_columns(source.columns)):
        graphs = _distinct(bond_graphs(chunk))
        if without_test:
            graphs = graphs.filter(pc.invert(pc.is_in(graphs, value_set=keys)))
        seen |= pc.is_in(keys, value_set=graphs).to_numpy(zero_copy_only=False)
        best = np.maximum(best, nearest(queries, bond_graph_morgan(graphs.to_pylist())))
    of_records = _of_records(sides, keys, seen, best)
    ids = table.column("id").to_pylist()
    return Exposure(ids, *(np.broadcast_to(value, len(ids)) if one else value for value in of_records))


def _distinct(sides: Sequence[pa.Array]) -> pa.Array:
    return pc.unique(pa.concat_arrays(sides)).drop_null()


def _of_records(
    sides: Sequence[pa.Array], keys: pa.Array, seen: np.ndarray, best: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What holds of any molecule of a record, from what holds of distinct molecules."""
    records = len(sides[0])
    records_seen, records_best = np.zeros(records, bool), np.full(records, np.nan, np.float32)
    for side in sides:
        index = pc.index_in(side, value_set=keys)
        known = np.asarray(index.is_valid())
        rows = index.drop_null().to_numpy()
        records_seen[known] |= seen[rows]
        records_best[known] = np.fmax(records_best[known], best[rows])
    return records_seen, records_best
