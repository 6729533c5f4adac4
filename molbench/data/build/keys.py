"""What split schemes look at: one small row of keys a record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.manifest import FailureEntry
from molbench.data.records import IDENTITY_KEYS

_COPIED = ("id", "frame", "group", *IDENTITY_KEYS, *IDENTITY_KEYS.values())


def key_table(records: Iterable[pa.Table], further: Sequence[str] = ()) -> pa.Table:
    """Keys of all records in source order.

    Args:
        records: Records, piece by piece.
        further: Columns that a scheme names in its parameters, such as the target it divides by.

    Returns:
        Column ``id``; ``n_heavy`` (atoms other than hydrogen) where records have atoms; and of ``smiles``,
        ``inchikey``, ``frame``, ``group``, their counterparts ``a_*`` and ``b_*`` in pairs, and ``further``
        those there are.
    """
    return pa.concat_tables([_keys(table, further) for table in records]).combine_chunks()


def repeated_ids(ids: pa.ChunkedArray) -> tuple[np.ndarray, list[FailureEntry]]:
    """Records whose id stands earlier already.

    Args:
        ids: Ids in source order, [n].

    Returns:
        Whether each record is kept, [n] bool, and a failure that names both places for each that is not.
    """
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    keep = np.zeros(codes.size, dtype=bool)
    keep[first] = True
    failures = [
        FailureEntry(
            id=ids[row].as_py(),
            where=f"record {row + 1:,}",
            reason=f"id repeated: it is record {first[codes[row]] + 1:,} already",
        )
        for row in np.flatnonzero(~keep).tolist()
    ]
    return keep, failures


def _keys(table: pa.Table, further: Sequence[str]) -> pa.Table:
    keys = table.select([name for name in dict.fromkeys((*_COPIED, *further)) if name in table.column_names])
    # Columns of a batch that was read share one buffer; only a copy lets go of the coordinates in it.
    keys = keys.take(pa.array(np.arange(len(table))))
    if "atomic_numbers" not in table.column_names:
        return keys
    numbers = table.column("atomic_numbers").combine_chunks()
    heavy = pc.greater(pc.list_flatten(numbers), 1).to_numpy(zero_copy_only=False)
    parents = pc.list_parent_indices(numbers).to_numpy()
    counts = np.bincount(parents[heavy], minlength=len(table))
    return keys.append_column("n_heavy", pa.array(counts, pa.int64()))
