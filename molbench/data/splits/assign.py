"""From a declared scheme to one label a record."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.errors import UserError
from molbench.registry import Registry
from molbench.spec.splits import SPLITS, Scheme

Splitter = Callable[..., np.ndarray]

SPLITTERS: Registry[Splitter] = Registry(
    "splitter",
    "molbench.splitters",
    {
        "permutation": "molbench.data.splits.random:permutation",
        "ratio": "molbench.data.splits.random:ratio",
        "scaffold": "molbench.data.splits.scaffold:scaffold",
        "size": "molbench.data.splits.size:size",
        "block": "molbench.data.splits.block:block",
        "membership": "molbench.data.splits.membership:membership",
        "published": "molbench.data.splits.published:published",
        "everything": "molbench.data.splits.published:everything",
        "numbered": "molbench.data.splits.numbered:numbered",
        "first": "molbench.data.splits.numbered:first",
        "emgp": "molbench.data.splits.geom:emgp",
        "geomol": "molbench.data.splits.geom:geomol",
        "kfold": "molbench.data.splits.kfold:kfold",
        "kfold-half": "molbench.data.splits.kfold:kfold_half",
        "target_range": "molbench.data.splits.target_range:target_range",
        "group": "molbench.data.splits.group:group",
        "molecule_cold": "molbench.data.splits.molecule_cold:molecule_cold",
        "scaffold_cold": "molbench.data.splits.scaffold_cold:scaffold_cold",
        "similarity": "molbench.data.splits.similarity:similarity",
    },
)


def assign(scheme: Scheme, keys: pa.Table, **context: Any) -> np.ndarray:
    """Labels of every record under one scheme.

    Args:
        scheme: The declaration.
        keys: Columns ``id`` and whatever the splitter needs (``n_heavy``, ``smiles``, ``frame``), in source
            order.
        **context: Passed on to the splitter, e.g. ``files`` for published index files.

    Returns:
        ``"train"``, ``"validation"`` or ``"test"`` for each record, [n].

    Raises:
        UserError: If the parameters do not fit the splitter, or leave a split empty.
    """
    splitter = SPLITTERS[scheme.generator]
    try:
        labels = splitter(keys, **scheme.parameters, **context)
    except TypeError as error:
        raise UserError(f"splitter '{scheme.generator}' does not take these parameters: {error}") from error
    empty = [split for split in SPLITS if not (labels == split).any()]
    if empty and scheme.generator not in {"everything", "first"}:
        raise UserError(
            f"splitter '{scheme.generator}' leaves {' and '.join(empty)} empty for {len(keys):,} records"
        )
    return labels


def assignment_digest(ids: Iterable[str], labels: Iterable[str]) -> str:
    """SHA-256 of the lines ``id<TAB>split`` sorted by id: it does not depend on the order of the rows."""
    lines = sorted(f"{i}\t{label}\n" for i, label in zip(ids, labels, strict=True))
    return sha256("".join(lines).encode()).hexdigest()


def label_in_order(order: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Label ``order[:counts[0]]`` train, the next ``counts[1]`` validation and the next ``counts[2]`` test.

    Args:
        order: A permutation of the records, [n].
        counts: Records of train, validation and test; they must add up to n.
    """
    if sum(counts) != order.size or min(counts) < 0:
        raise UserError(f"split sizes {list(counts)} do not add up to the {order.size:,} records there are")
    labels = np.empty(order.size, dtype="<U10")
    labels[order] = np.repeat(np.array(SPLITS), counts)
    return labels


def fraction_counts(n: int, fractions: Sequence[float]) -> list[int]:
    """Whole numbers in the ratio of ``fractions`` that add up to ``n``, by rounding the running sum."""
    if len(fractions) != len(SPLITS) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise UserError(f"fractions {list(fractions)} are not three non-negative numbers that add up to 1")
    bounds = np.rint(np.cumsum([0.0, *fractions]) * n).astype(int)
    return [int(count) for count in np.diff(bounds)]
