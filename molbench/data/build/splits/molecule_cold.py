"""Whole molecules of pairs on one side of the split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, label_in_order, splitter
from molbench.data.build.splits.cold import Side, check_side, label_any, label_pairs, names


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
    a, b = names(keys, "a"), names(keys, "b")
    if side == "any":
        return label_any(a, b, fractions, np.random.default_rng(seed))
    divided = {"a": a, "b": b}.get(side, a + b)
    rng = np.random.default_rng(seed)
    distinct = sorted(set(divided))
    drawn = label_in_order(rng.permutation(len(distinct)), fraction_counts(len(distinct), fractions))
    label = dict(zip(distinct, drawn.tolist(), strict=True))
    first, second = (np.array([label.get(name, "train") for name in column]) for column in (a, b))
    return label_pairs(first, second, side, fractions, rng)
