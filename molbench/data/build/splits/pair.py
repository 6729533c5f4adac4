"""Whole pairs of molecules on one side of the split, however often and in whatever order they are told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import splitter
from molbench.data.build.splits.cold import names
from molbench.data.build.splits.groups import whole_groups


@splitter("pair", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def pair(keys: pa.Table, *, fractions: Sequence[float], seed: int, **_: Any) -> np.ndarray:
    """Draw pairs at random; records of the same two molecules go together.

    Molecules are told apart by the first block of the InChIKey, so pairs that differ in stereochemistry go
    together too, as do (A, B) and (B, A). The draw looks at names and sizes only, so the order of the records
    does not matter.

    Args:
        keys: Needs ``a_inchikey``, ``a_smiles`` and the same of ``b``.
        fractions: Wanted shares of train, validation and test, in records.
        seed: Seed of the draw.

    Raises:
        UserError: If the records are no pairs.
    """
    pairs = [" ".join(sorted(pair)) for pair in zip(names(keys, "a"), names(keys, "b"), strict=True)]
    return whole_groups(np.unique(np.array(pairs), return_inverse=True)[1], fractions, seed)
