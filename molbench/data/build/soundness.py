"""The one check that every record passes, whatever parser it comes from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.chem.geometry import faults
from molbench.data.build.parsers.base import Chunk, Failure

_STRUCTURES = 256  # of one record at most: the column ``structure`` is uint8
_ELEMENTS = 118


def sound_records(chunk: Chunk) -> Chunk:
    """Take out records with a number that is not finite or a structure that is no molecule's.

    Returns:
        The sound records; the others are failures behind those of the parser.
    """
    table = chunk.table
    bad: dict[int, str] = {}
    for row, reason in (*_not_finite(table), *_unsound_structures(table)):
        bad.setdefault(row, reason)
    if not bad:
        return chunk
    rows, ids = sorted(bad), table.column("id")
    places = chunk.places or ("place unknown",) * len(table)
    failures = [Failure(ids[row].as_py(), places[row], bad[row]) for row in rows]
    keep = np.delete(np.arange(len(table)), rows)
    kept = tuple(chunk.places[row] for row in keep.tolist()) if chunk.places else ()
    return Chunk(table.take(pa.array(keep, pa.int64())), (*chunk.failures, *failures), kept)


def _not_finite(table: pa.Table) -> Iterator[tuple[int, str]]:
    """Rows and reasons."""
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if not _all_finite(column):
            for row in range(len(column)):
                if not _all_finite(column.slice(row, 1)):
                    yield row, f"{name} holds a number that is missing or not finite"


def _all_finite(values: pa.Array) -> bool:
    while pa.types.is_nested(values.type):
        values = pc.list_flatten(values)
    return not pa.types.is_floating(values.type) or bool(pc.all(pc.is_finite(values), min_count=0).as_py())


def _unsound_structures(table: pa.Table) -> Iterator[tuple[int, str]]:
    """Rows and reasons; the structures of a record that compares several may lie on one another."""
    if "positions" not in table.column_names:
        return
    numbers, positions = (table.column(name).combine_chunks() for name in ("atomic_numbers", "positions"))
    atoms, points_each = (np.asarray(pc.list_value_length(c).fill_null(0)) for c in (numbers, positions))
    for row in np.flatnonzero(atoms != points_each).tolist():
        yield row, f"{atoms[row]:,} atomic numbers and {points_each[row]:,} positions"
    elements, owners = np.asarray(pc.list_flatten(numbers)), np.asarray(pc.list_parent_indices(numbers))
    for row in np.unique(owners[(elements < 1) | (elements > _ELEMENTS)]).tolist():
        yield row, "an atomic number that is no element's"
    owners = np.asarray(pc.list_parent_indices(positions)).astype(np.int64) * _STRUCTURES
    if "structure" in table.column_names and np.array_equal(atoms, points_each):
        owners = owners + np.asarray(pc.list_flatten(table.column("structure").combine_chunks()))
    points = np.asarray(pc.list_flatten(pc.list_flatten(positions))).reshape(-1, 3)
    for owner, reason in faults(points, owners).items():
        yield owner // _STRUCTURES, reason
