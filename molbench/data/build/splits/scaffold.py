"""Whole Bemis-Murcko scaffolds on one side of the split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.chem.scaffold import murcko_scaffold
from molbench.data.build.splits.assign import splitter
from molbench.data.build.splits.groups import whole_groups
from molbench.errors import UserError


@splitter("scaffold", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def scaffold(keys: pa.Table, *, seed: int, fractions: Sequence[float], **_: Any) -> np.ndarray:
    """Put groups of equal Bemis-Murcko scaffold into train, validation and test.

    Scaffolds larger than half of the test split go to train, so that none swallows it; the others are
    shuffled and fill test, then validation, then train. Acyclic molecules share the empty scaffold and hence
    lie on one side; records without a readable SMILES form groups of their own.

    Raises:
        UserError: If the dataset has no SMILES.
    """
    if "smiles" not in keys.column_names:
        raise UserError("a scaffold split needs SMILES, and the records have none")
    names = [
        f"unreadable:{i}" if smiles is None or (name := murcko_scaffold(smiles)) is None else name
        for i, smiles in enumerate(keys.column("smiles").to_pylist())
    ]
    return whole_groups(np.unique(names, return_inverse=True)[1], fractions, seed)
