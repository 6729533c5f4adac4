"""Whole scaffolds of the molecules of pairs on one side of the split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from molbench.chem.scaffold import murcko_scaffold
from molbench.data.build.splits.assign import fraction_counts, splitter
from molbench.data.build.splits.cold import Side, check_side, draw_pairs, names
from molbench.errors import UserError


@splitter("scaffold_cold", small={"side": "a", "rule": "frequency", "fractions": [0.8, 0.1, 0.1], "seed": 0})
def scaffold_cold(
    keys: pa.Table,
    *,
    side: Side,
    fractions: Sequence[float],
    seed: int,
    rule: Literal["frequency", "random"],
    **_: Any,
) -> np.ndarray:
    """Divide the Bemis-Murcko scaffolds, and the pairs with them.

    Both rules are those of 3DMRL. ``frequency``: scaffolds in the order of how many pairs have them, down to
    the one that brings training to its share, are for training and the rarer ones for test; 3DMRL has no
    validation, here it is drawn from the training molecules, whose scaffolds therefore are not new.
    ``random``: scaffolds are drawn. Acyclic molecules share the empty scaffold.

    Args:
        keys: Needs ``a_inchikey``, ``a_smiles`` and the same of ``b``.
        side: Whose scaffold is new in a test pair; see ``molbench.data.build.splits.cold.label_pairs``, and
            ``label_any`` beside it for ``any``.
        fractions: Shares of train, validation and test: of the pairs by ``frequency`` and for ``any``, of the
            scaffolds by ``random``.
        seed: Seed of the draws.
        rule: How scaffolds are divided; ``frequency`` for the sides ``a`` and ``b`` only.

    Raises:
        UserError: If the records are no pairs, or side or rule is unknown.
    """
    check_side(side)
    rng = np.random.default_rng(seed)
    molecules = {letter: names(keys, letter) for letter in ("a", "b")}
    scaffold = _scaffolds(keys, molecules)
    a, b = ([scaffold[name] for name in column] for column in molecules.values())
    if rule == "frequency":
        if side not in {"a", "b"}:
            raise UserError(f"rule 'frequency' of a scaffold split knows the sides a and b, not '{side}'")
        return _by_frequency(a if side == "a" else b, molecules[side], fractions, rng)
    if rule != "random":
        raise UserError(f"rule '{rule}' of a scaffold split is neither frequency nor random")
    return draw_pairs(a, b, side, fractions, rng)


def _scaffolds(keys: pa.Table, molecules: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Scaffold of each molecule; tautomers and the like that count as one molecule have one scaffold."""
    smiles: dict[str, str] = {}
    for side, column in molecules.items():
        for name, text in zip(column, keys.column(f"{side}_smiles").to_pylist(), strict=True):
            smiles[name] = min(text, smiles.get(name, text))
    scaffolds = {name: murcko_scaffold(text) for name, text in smiles.items()}
    return {name: f"unreadable:{name}" if value is None else value for name, value in scaffolds.items()}


def _by_frequency(
    scaffolds: Sequence[str], molecules: Sequence[str], fractions: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    train, validation, test = fraction_counts(len(scaffolds), fractions)
    kept: set[str] = set()
    filled = 0
    # Equally frequent scaffolds follow one another by name, so that the order of the records plays no part.
    for name, count in sorted(Counter(scaffolds).items(), key=lambda item: (-item[1], item[0])):
        if filled >= len(scaffolds) - test:
            break
        kept.add(name)
        filled += count
    known = sorted({molecule for molecule, name in zip(molecules, scaffolds, strict=True) if name in kept})
    share = validation / max(1, train + validation)
    drawn = {known[index] for index in rng.permutation(len(known))[: round(share * len(known))]}
    return np.array(
        [
            "test" if name not in kept else "validation" if molecule in drawn else "train"
            for molecule, name in zip(molecules, scaffolds, strict=True)
        ]
    )
