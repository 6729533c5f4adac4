"""Whole groups on one side: all conformers of a molecule, all complexes of a protein."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import splitter
from molbench.data.build.splits.groups import group_codes, whole_groups


@splitter("group", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def group(
    keys: pa.Table, *, fractions: Sequence[float], seed: int, column: str = "group", **_: Any
) -> np.ndarray:
    """Put records of equal ``column`` into one split.

    Groups larger than half of the test split go to train; the others are shuffled and fill test, then
    validation, then train. A record without a value is a group of its own. The draw looks at names and sizes
    of the groups only, so the order of the records does not matter.

    Args:
        keys: Needs ``column``, and ``id``.
        fractions: Wanted shares of train, validation and test, in records.
        seed: Seed of the draw of groups.
        column: What names the group: ``group``, or any other column of text, such as ``inchikey``.

    Raises:
        UserError: If the records lack the column.
    """
    codes, _names = group_codes(keys, column, [], "a group split")
    return whole_groups(codes, fractions, seed)
