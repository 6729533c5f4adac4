"""What makes two records the same thing, so that no split may hold one of them and train the other."""

from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from molbench.errors import UserError

#: Columns of the key table that each kind of identity needs.
COLUMNS = {
    "inchikey": ("inchikey",),
    "frame": ("frame",),
    "pair": ("a_inchikey", "b_inchikey"),
    "group": ("group",),
    "id": ("id",),
}
_BLOCK = 14
_ROWS = 65_536


def identity_keys(keys: pa.Table, identity: str, *, ordered: bool = False) -> pa.Array:
    """The identity key of each record.

    Args:
        keys: Key table or records; needs the columns of :data:`COLUMNS`.
        identity: ``inchikey``: the first block of the InChIKey, the same for all stereoisomers and
            conformers; ``frame``: the place in a trajectory; ``pair``: the first blocks of both molecules;
            ``group``: the molecule or protein of a record; ``id``: the record itself.
        ordered: Whether a pair the other way round is another pair, as solute and solvent are.

    Returns:
        Strings, [n]; null where a record has no key, which is then the same as no other.

    Raises:
        UserError: If the identity is unknown or the records lack its columns.
    """
    if identity not in COLUMNS:
        raise UserError(f"unknown identity '{identity}'; known: {', '.join(COLUMNS)}")
    if missing := [name for name in COLUMNS[identity] if name not in keys.column_names]:
        raise UserError(f"identity '{identity}' needs the columns {', '.join(missing)}")
    columns = [_combined(keys.column(name)) for name in COLUMNS[identity]]
    if identity == "inchikey":
        return first_blocks(columns[0])
    if identity == "pair":
        a, b = (first_blocks(column) for column in columns)
        if ordered:
            return pc.binary_join_element_wise(a, b, ">")
        swap = pc.greater(a, b)
        return pc.binary_join_element_wise(pc.if_else(swap, b, a), pc.if_else(swap, a, b), "|")
    return pc.cast(columns[0], pa.string())


def first_blocks(inchikeys: pa.Array) -> pa.Array:
    """The 14 letters of each InChIKey that stand for its skeleton, whatever the stereochemistry."""
    return pc.utf8_slice_codeunits(inchikeys, 0, _BLOCK)


def identity_digest(keys: pa.Array) -> str:
    """SHA-256 of the distinct keys, one a line, sorted: it depends on what there is, not on the order."""
    distinct = pc.unique(keys).drop_null()
    distinct = distinct.take(pc.array_sort_indices(distinct))
    digest = sha256()
    for start in range(0, len(distinct), _ROWS):
        digest.update("".join(f"{key}\n" for key in distinct.slice(start, _ROWS).to_pylist()).encode())
    return digest.hexdigest()


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
