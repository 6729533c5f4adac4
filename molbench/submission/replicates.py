"""What the draw of test records may do to a score, in a few numbers that belong together between models.

A *replicate* is the distance of a score from its expectation, with the sign of what each cluster of test
records adds to it drawn at random: the wild cluster bootstrap (C. F. J. Wu, Ann. Stat. 14, 1261 (1986);
Cameron, Gelbach and Miller, Rev. Econ. Stat. 90, 414 (2008)), to first order. The mean square of the
replicates is the variance of the score over its clusters.

The signs depend on the dataset and the name of the cluster alone. So the replicates of two models on one
task, or of one model on two tasks that test on the same records, belong together one by one, and the mean
square of their difference is the variance of the *paired* difference. Boards rank from these and need no
predictions. A record in two clusters has the signs of both, which counts what the two have in common
twice: variances are a little too large, never too small.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256

import numpy as np

#: Replicates of a score; the degrees of freedom of variances that are computed from them.
COUNT = 64


def replicates(label: str, names: Sequence[Sequence[str]], contributions: np.ndarray) -> np.ndarray:
    """Replicates of a score, [COUNT].

    Args:
        label: Dataset and subset that the names are of.
        names: Of the clusters of each record; its own id where records are independent.
        contributions: What each record adds to the score's distance from its expectation, [n].
    """
    known = {name for of_record in names for name in of_record}
    place_of = {name: i for i, name in enumerate(sorted(known))}
    sums = np.zeros(len(known))
    for of_record, contribution in zip(names, contributions.tolist(), strict=True):
        for name in set(of_record):
            sums[place_of[name]] += contribution
    signs = np.stack([_signs(f"{label}\n{name}") for name in sorted(known)])
    correction = len(known) / max(len(known) - 1, 1)
    result: np.ndarray = np.sqrt(correction) * (sums @ signs)
    return result


def packed(values: np.ndarray) -> str:
    """Replicates as text, in single precision.

    What differs beyond five digits between processors is noise, and so is what cancelling clusters leave.
    """
    values = np.where(np.abs(values) < 1e-9 * np.abs(values).max(initial=0.0), 0.0, values)
    rounded = np.array([float(f"{value:.5g}") for value in values.tolist()], dtype="<f4")
    return b64encode(rounded.tobytes()).decode("ascii")


def unpacked(text: str) -> np.ndarray:
    """What :func:`packed` packed, [COUNT] float32.

    Raises:
        ValueError: If it is anything else, or not finite.
    """
    values = np.frombuffer(b64decode(text, validate=True), dtype="<f4")
    if values.size != COUNT or not np.isfinite(values).all():
        raise ValueError(f"are not {COUNT} finite numbers")
    return values


def _signs(text: str) -> np.ndarray:
    bits = np.unpackbits(np.frombuffer(sha256(text.encode()).digest()[: COUNT // 8], np.uint8))
    return bits * 2.0 - 1.0
