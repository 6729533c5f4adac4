"""What the subsets of a dataset of pairs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from molbench.data.columns import part_folder, read_columns
from molbench.data.identity import first_blocks
from molbench.data.manifest import Manifest
from molbench.errors import UserError

_KEYS = ("a_inchikey", "b_inchikey")

SCHEMA = pa.schema(
    [
        ("subset", pa.string()),
        ("other", pa.string()),
        ("pairs", pa.int64()),
        ("pairs_shared", pa.int64()),
        ("a", pa.int64()),
        ("a_shared", pa.int64()),
        ("b", pa.int64()),
        ("b_shared", pa.int64()),
    ]
)
"""One row for each ordered pair of different subsets.

How many different pairs, first molecules (solutes) and second molecules (solvents) ``subset`` has, and how
many of them ``other`` has too. Molecules are told apart by the first block of the InChIKey.
"""


def pair_overlap(parts: Mapping[str, pa.Table], *, ordered: bool = True) -> pa.Table:
    """Pairs and molecules that subsets share.

    Args:
        parts: Subset to its records; needs the columns ``a_inchikey`` and ``b_inchikey``.
        ordered: Whether (A, B) and (B, A) are different pairs, and their sides different roles.

    Returns:
        A table in the columns of ``SCHEMA``.
    """
    content = {name: _content(table, ordered) for name, table in parts.items()}
    rows = []
    for name, own in content.items():
        for other, theirs in content.items():
            if name == other:
                continue
            counts = [count for x, y in zip(own, theirs, strict=True) for count in (len(x), len(x & y))]
            rows.append(dict(zip(SCHEMA.names, [name, other, *counts], strict=True)))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def subset_overlap(folder: Path, *, ordered: bool = True) -> pa.Table:
    """``pair_overlap`` of the subsets of a built dataset.

    Args:
        folder: The built folder.
        ordered: As in its ``dataset.yaml``.

    Raises:
        UserError: If the dataset has no subsets or its records are no pairs.
    """
    subsets = Manifest.read(folder).subsets
    parts = {name: read_columns(part_folder(folder, name), part, _KEYS) for name, part in subsets.items()}
    if not parts or any(set(_KEYS) - set(table.column_names) for table in parts.values()):
        raise UserError(f"{folder}: overlap is between the subsets of a dataset of pairs")
    return pair_overlap(parts, ordered=ordered)


def _content(table: pa.Table, ordered: bool) -> tuple[set[object], set[object], set[object]]:
    """Different pairs, first molecules and second molecules; those without a key are left out."""
    a, b = (first_blocks(table.column(name).combine_chunks()).to_pylist() for name in _KEYS)
    known = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if ordered:
        return set(known), {x for x, _ in known}, {y for _, y in known}
    molecules: set[object] = {molecule for pair in known for molecule in pair}
    return {(min(pair), max(pair)) for pair in known}, molecules, molecules
