"""From a declared scheme to one label a record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.errors import UserError
from molbench.registry import Registry
from molbench.spec.splits import SPLITS, Scheme

Generator = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Splitter:
    """A split generator.

    Attributes:
        name: As in ``splits.yaml``.
        generate: From the keys of all records, parameters and context to a label each, [n].
        may_leave_empty: Whether a split may hold no record.
        small: Parameters that divide a few hundred records, for tests that hold every generator to the same
            laws; None where it reads files, or a count of records that it is made for.
    """

    name: str
    generate: Generator
    may_leave_empty: bool
    small: Mapping[str, Any] | None = None

    def __call__(self, keys: pa.Table, **parameters: Any) -> np.ndarray:
        """Labels of every record, [n]; see :func:`assign`."""
        return self.generate(keys, **parameters)


def splitter(
    name: str, *, may_leave_empty: bool = False, small: Mapping[str, Any] | None = None
) -> Callable[[Generator], Splitter]:
    """Make a function a split generator of the listing; see :class:`Splitter`."""
    return lambda generate: Splitter(name, generate, may_leave_empty, small)


SPLITTERS: Registry[Splitter] = Registry("splitter", "molbench.data.build.splits", "molbench.splitters")


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
    generator = SPLITTERS[scheme.generator]
    try:
        labels = generator(keys, **scheme.parameters, **context)
    except TypeError as error:
        raise UserError(f"splitter '{scheme.generator}' does not take these parameters: {error}") from error
    empty = [split for split in SPLITS if not (labels == split).any()]
    if empty and not generator.may_leave_empty:
        raise UserError(
            f"splitter '{scheme.generator}' leaves {' and '.join(empty)} empty for {len(keys):,} records"
        )
    return labels


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
