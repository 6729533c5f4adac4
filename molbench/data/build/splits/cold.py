"""Pairs of molecules divided so that one or both of them are new to the model."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, label_in_order
from molbench.errors import UserError
from molbench.spec.splits import SPLITS

Side = Literal["a", "b", "both", "one", "any", "either"]
SIDES = ("a", "b", "both", "one", "any", "either")


def names(keys: pa.Table, side: str) -> list[str]:
    """What makes two molecules the same: the first block of the InChIKey, else the SMILES, [n].

    Raises:
        UserError: If the records are no pairs.
    """
    columns = f"{side}_inchikey", f"{side}_smiles"
    if missing := [name for name in columns if name not in keys.column_names]:
        raise UserError(f"a cold split divides pairs by their molecules; there is no column {missing[0]}")
    both = (keys.column(name).to_pylist() for name in columns)
    return [smiles if key is None else key[:14] for key, smiles in zip(*both, strict=True)]


def check_side(side: str) -> None:
    """Raise UserError unless ``side`` is known."""
    if side not in SIDES:
        raise UserError(f"side '{side}' of a cold split is none of {', '.join(SIDES)}")


def draw_pairs(
    a: Sequence[str], b: Sequence[str], side: Side, fractions: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Divide what molecules are, or their scaffolds, at random, and the pairs with them.

    Args:
        a: What divides the first molecule of each pair, [n].
        b: What divides the second, [n].
        side: See :func:`label_pairs`, and :func:`label_any` for ``any``.
        fractions: Shares of train, validation and test; of pairs for ``any``, else of what divides them.
        rng: Draws them.

    Returns:
        Labels, [n].
    """
    if side == "any":
        return label_any(a, b, fractions, rng)
    distinct = sorted(set({"a": a, "b": b}.get(side, [*a, *b])))
    drawn = label_in_order(rng.permutation(len(distinct)), fraction_counts(len(distinct), fractions))
    label = dict(zip(distinct, drawn.tolist(), strict=True))
    first, second = (np.array([label.get(name, "train") for name in column]) for column in (a, b))
    return label_pairs(first, second, side, fractions, rng)


def label_any(
    a: Sequence[str], b: Sequence[str], fractions: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Labels of pairs of which one member or both are in no pair of another split.

    Pairs with a test member test, of the others those with one of validation validate, so that no pair is
    lost and none, in whatever order it is told, lies on two sides. Members in more pairs than the test split
    is to have train, or where all are, in more than the rarest, which is in twice as many at most; the others
    are shuffled, and fill test, then validation.

    Args:
        a: What divides the first molecule of each pair, the molecule itself or its scaffold, [n].
        b: That of the second, [n].
        fractions: Shares of train, validation and test, in pairs, as near as whole members allow.
        rng: Draws them.

    Returns:
        Labels, [n].
    """
    members, codes = np.unique(np.array([a, b]), return_inverse=True)
    both = codes.reshape(2, -1)
    pairs_of: list[set[int]] = [set() for _ in members]
    for pair, (first, second) in enumerate(both.T.tolist()):
        pairs_of[first].add(pair)
        pairs_of[second].add(pair)
    counts = np.array([len(pairs) for pairs in pairs_of])
    room = dict(zip(SPLITS, fraction_counts(len(a), fractions), strict=True))
    order = rng.permutation(len(members))
    most = max(room["test"], min(counts.min(), 2 * room["test"]))
    small = iter(order[counts[order] <= most].tolist())
    labels = np.full(len(a), "train", dtype="<U10")
    for split in ("test", "validation"):
        filled = 0
        while filled < room[split] and (member := next(small, None)) is not None:
            new = [pair for pair in pairs_of[member] if labels[pair] == "train"]
            labels[new] = split
            filled += len(new)
    return labels


def label_pairs(
    a: np.ndarray, b: np.ndarray, side: Side, fractions: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Labels of pairs from the labels of their molecules.

    Args:
        a: Label of the first molecule of each pair, [n].
        b: Label of the second, [n].
        side: ``a`` or ``b``: the label of that molecule; the other one may be known. ``both``: that of both,
            so that neither molecule of a test pair is known; pairs of different labels are unused. ``one``:
            of a test pair, exactly one is known; pairs of two new molecules, or of validation and test, are
            unused. ``either``: pairs of two training molecules train, all others are divided at random
            between validation and test, as 3DMRL does; their molecules overlap, and pairs told twice may.
        fractions: Shares of train, validation and test, for that random division.
        rng: Draws it.

    Returns:
        Labels, [n].
    """
    if side in {"a", "b"}:
        return a if side == "a" else b
    same = np.where(a == b, a, "unused")
    if side == "both":
        return same
    known_a, known_b = a == "train", b == "train"
    if side == "one":
        return np.where(known_a, b, np.where(known_b, a, "unused"))
    labels = np.where(known_a & known_b, "train", "test").astype("<U10")
    pool = rng.permutation(np.flatnonzero(labels == "test"))
    labels[pool[: round(pool.size * fractions[1] / (fractions[1] + fractions[2]))]] = SPLITS[1]
    return labels
