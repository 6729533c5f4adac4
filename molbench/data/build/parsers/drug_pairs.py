"""Unordered drug pairs that interact, and as many drawn ones that are not known to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from molbench.data.build.parsers.cells import canonical, require_smiles

Drug = tuple[str, str]
"""Name and SMILES."""

_MOST_DRUGS = 10_000


@dataclass
class DrugPairs:
    """Interacting pairs, each once in either order.

    Drugs of equal canonical SMILES are one drug, under the name that was seen first.

    Attributes:
        smiles: Drug to SMILES, as in the source.
        rows: Pair of drugs, in alphabetical order, to the rows of the source that state it.
    """

    smiles: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)
    _name_of: dict[str, str] = field(default_factory=dict)

    def add(self, first: Drug, second: Drug) -> None:
        """Add one interaction.

        Raises:
            ValueError: If RDKit cannot read a SMILES, a name has two structures, or both drugs are the same.
        """
        a, b = sorted(self._drug(*drug) for drug in (first, second))
        if a == b:
            raise ValueError(f"a drug paired with itself: {a}")
        self.rows[a, b] = self.rows.get((a, b), 0) + 1

    def _drug(self, name: str, smiles: str) -> str:
        require_smiles(smiles, "drug")
        if not name or not name.isascii() or not name.isprintable():
            raise ValueError(f"a drug without a readable name: {name[:40]!a}")
        key = canonical(smiles) or smiles
        if canonical(self.smiles.get(name, smiles)) != key:
            raise ValueError(f"drug {name} has two structures")
        name = self._name_of.setdefault(key, name)
        self.smiles.setdefault(name, smiles)
        return name


def draw_negatives(positives: Sequence[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """As many pairs of the same drugs as there are positive ones, none of them positive.

    They are drawn without replacement from all unordered pairs of different drugs that occur in a positive
    pair. The draw is a function of the set of positives and the seed alone: neither their order nor that of
    the drugs in a pair matters.

    Args:
        positives: Unordered pairs of names.
        seed: Seed of the draw.

    Returns:
        Pairs in alphabetical order, as are the names in each.

    Raises:
        ValueError: If there are not that many other pairs, or too many drugs to list all pairs of.
    """
    known = {(min(pair), max(pair)) for pair in positives}
    drugs = sorted({name for pair in known for name in pair})
    if len(drugs) > _MOST_DRUGS:
        raise ValueError(f"{len(drugs):,} drugs; negatives can be drawn for at most {_MOST_DRUGS:,}")
    row_of = {name: row for row, name in enumerate(drugs)}
    free = np.triu(np.ones((len(drugs), len(drugs)), dtype=bool), k=1)
    for a, b in known:
        free[row_of[a], row_of[b]] = False
    others = np.flatnonzero(free)
    if others.size < len(known):
        raise ValueError(f"{len(known):,} interacting pairs, but only {others.size:,} others to draw from")
    chosen = np.sort(np.random.default_rng(seed).choice(others, len(known), replace=False))
    rows, columns = np.divmod(chosen, len(drugs))
    return [(drugs[i], drugs[j]) for i, j in zip(rows.tolist(), columns.tolist(), strict=True)]
