"""Contiguous stretches of a trajectory, so that neighbouring frames do not leak."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, label_in_order, splitter
from molbench.errors import UserError


@splitter("block", small={"blocks": 10, "fractions": [0.8, 0.1, 0.1], "seed": 0})
def block(keys: pa.Table, *, blocks: int, fractions: Sequence[float], seed: int, **_: Any) -> np.ndarray:
    """Cut the trajectory into equal time blocks and give whole blocks to a split.

    Frames of one trajectory are correlated over many steps; only frames at the seams between blocks have
    neighbours in another split.

    Args:
        keys: Needs ``frame``, the position in the original trajectory.
        blocks: Number of blocks, equal in frames.
        fractions: Shares of train, validation and test, in blocks.
        seed: Seed of the draw of blocks.
    """
    if "frame" not in keys.column_names:
        raise UserError("a block split needs the frame number of each record, and the records have none")
    frame = keys.column("frame").to_numpy()
    if frame.size < blocks:
        raise UserError(f"{frame.size:,} frames cannot be cut into {blocks} blocks")
    rank = np.empty(frame.size, dtype=np.int64)
    rank[np.argsort(frame, kind="stable")] = np.arange(frame.size)
    labels = label_in_order(
        np.random.default_rng(seed).permutation(blocks), fraction_counts(blocks, fractions)
    )
    chosen: np.ndarray = labels[rank * blocks // frame.size]
    return chosen
