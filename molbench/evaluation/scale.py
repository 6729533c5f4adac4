"""Signs that predictions are in another unit than the labels."""

from __future__ import annotations

import numpy as np

from molbench.spec.units import factor

# Units that a submission may be in by mistake.
_CONFUSABLE = (
    *("Hartree", "eV", "meV", "kcal/mol", "kJ/mol"),
    *("Hartree/Å", "Hartree/a0", "eV/Å", "meV/Å", "kcal/mol/Å"),
    *("D", "e·a0", "a0³", "Å³", "a0²", "Å²", "cal/(mol·K)", "J/(mol·K)"),
)


def scale_warning(name: str, target: np.ndarray, prediction: np.ndarray, unit: str) -> str | None:
    """A warning if predictions follow the labels as if in another unit, or spread more than tenfold.

    A narrow spread alone says nothing: shrinking towards the mean is what a weak model does.
    """
    spread, guessed = float(np.std(target)), float(np.std(prediction))
    if target.size < 10 or spread == 0 or guessed == 0:
        return None
    ratio = guessed / spread
    suspicion = "far too wide" if ratio > 10 else None
    if float(np.corrcoef(target, prediction)[0, 1]) > 0.95:
        for other in _CONFUSABLE:
            try:
                expected = factor(unit, other)
            except ValueError:
                continue
            if expected != 1 and abs(np.log(ratio / expected)) < 0.05:
                suspicion = f"looks like {other}, expected {unit}"
    if suspicion is None:
        return None
    return f"predictions of '{name}' spread {ratio:.3g} times as much as the labels in {unit}: {suspicion}"
