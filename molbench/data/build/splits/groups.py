"""Whole groups to one side, as near to the fractions as they allow."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.build.splits.assign import fraction_counts
from molbench.errors import UserError
from molbench.spec.splits import SPLITS


def whole_groups(group: np.ndarray, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Give whole groups to train, validation and test.

    Groups larger than half of the test split go to train, so that none swallows it; where all are that
    large, those larger than the smallest, which is at most twice as large as test is to be. The others are
    shuffled and fill test, then validation, then train.

    Args:
        group: Number of the group of each record, 0 to the number of groups, [n].
        fractions: Wanted shares of train, validation and test.
        seed: Seed of the draw of groups.

    Returns:
        Labels, [n].
    """
    sizes = np.bincount(group)
    room = dict(zip(SPLITS, fraction_counts(group.size, fractions), strict=True))
    label_of_group = np.full(sizes.size, "train", dtype="<U10")
    order = np.random.default_rng(seed).permutation(sizes.size)
    small = order[sizes[order] <= max(room["test"] / 2, min(sizes.min(), 2 * room["test"]))]
    split, filled = iter(["test", "validation"]), 0
    current = next(split)
    for index in small:
        label_of_group[index] = current
        filled += sizes[index]
        if filled >= room[current]:
            filled, current = 0, next(split, "train")
            if current == "train":
                break
    labels: np.ndarray = label_of_group[group]
    return labels


def group_codes(
    keys: pa.Table, column: str | None, known: Sequence[str], what: str
) -> tuple[np.ndarray, list[str | None]]:
    """Number the distinct values of a column, in their sorted order.

    Args:
        keys: The key table.
        column: Name of the column, or None for the first of ``known`` that there is.
        known: Columns to look for.
        what: What needs it, for the message.

    Returns:
        Number of each record, [n] int64, and the value that each number stands for. Records without a value
        have a number each, behind the others and in the order of their ids.

    Raises:
        UserError: If there is no such column.
    """
    names = [column] if column else known
    name = next((name for name in names if name in keys.column_names), None)
    if name is None:
        raise UserError(
            f"{what} needs the column {' or '.join(names)}, and the records have only "
            f"{', '.join(keys.column_names)}"
        )
    encoded = pc.dictionary_encode(keys.column(name).combine_chunks())
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    there = np.asarray(encoded.is_valid())
    codes = np.empty(len(keys), dtype=np.int64)
    codes[there] = rank[encoded.indices.drop_null().to_numpy()]
    missing = np.flatnonzero(~there)
    codes[in_order_of_id(keys, missing)] = order.size + np.arange(missing.size)
    return codes, encoded.dictionary.take(pa.array(order)).to_pylist() + [None] * missing.size


def in_order_of_id(keys: pa.Table, rows: np.ndarray) -> np.ndarray:
    """The same rows in an order that does not depend on that of the records."""
    ids = keys.column("id").combine_chunks().take(pa.array(rows, pa.int64()))
    sorted_rows: np.ndarray = rows[pc.array_sort_indices(ids).to_numpy()]
    return sorted_rows
