"""Whole molecules of pairs on one side of the split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import splitter
from molbench.data.build.splits.cold import Side, check_side, draw_pairs, names


@splitter("molecule_cold", small={"side": "both", "fractions": [0.5, 0.2, 0.3], "seed": 0})
def molecule_cold(
    keys: pa.Table, *, side: Side, fractions: Sequence[float], seed: int, **_: Any
) -> np.ndarray:
    """Divide the distinct molecules at random, and the pairs with them.

    Molecules are told apart by the first block of the InChIKey, so stereoisomers go together, and a molecule
    that occurs on both sides of pairs has one label wherever both sides are looked at. The draw is over the
    sorted molecules, so the order of the records does not matter, but for ``either`` with its draw of pairs.

    Args:
        keys: Needs ``a_inchikey``, ``a_smiles`` and the same of ``b``.
        side: Which molecule is new in a test pair; see ``molbench.data.build.splits.cold.label_pairs``, and
            ``label_any`` beside it for ``any``.
        fractions: Shares of train, validation and test, in molecules; in pairs for ``any``.
        seed: Seed of the draw.
    """
    check_side(side)
    return draw_pairs(names(keys, "a"), names(keys, "b"), side, fractions, np.random.default_rng(seed))
