"""Whole groups to one side, as near to the fractions as they allow."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from molbench.data.splits.assign import fraction_counts
from molbench.errors import UserError
from molbench.spec.splits import SPLITS


def whole_groups(group: np.ndarray, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Give whole groups to train, validation and test.

    Groups larger than half of the test split go to train, so that none swallows it; the others are shuffled
    and fill test, then validation, then train.

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
    small = order[sizes[order] <= room["test"] / 2]
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


def key_column(keys: pa.Table, column: str | None, known: Sequence[str], what: str) -> list[str | None]:
    """The values of a column of keys.

    Args:
        keys: The key table.
        column: Its name, or None for the first of ``known`` that there is.
        known: Columns to look for.
        what: What needs it, for the message.

    Raises:
        UserError: If there is none.
    """
    names = [column] if column else known
    found = next((name for name in names if name in keys.column_names), None)
    if found is None:
        raise UserError(
            f"{what} needs the column {' or '.join(names)}, and the records have only "
            f"{', '.join(keys.column_names)}"
        )
    values: list[str | None] = keys.column(found).to_pylist()
    return values
