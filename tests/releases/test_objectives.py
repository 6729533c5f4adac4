"""A released encoder, converted, still knows what its authors trained it for."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.objectives import BATCH, batches_of, measured
from benchmarks.record import Spread
from benchmarks.released import METHODS


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"graphcl"}))  # the folder has the nine others
def test_it_does_far_better_than_random_weights(name: str, golden: Path) -> None:
    file = golden / "published" / f"checkpoint-{name}"
    cells = measured(file, batches_of("xtb-molecules", "random", BATCH)).cells
    trained, random = cells["loss"], cells["loss, random weights"]
    assert isinstance(trained, Spread) and isinstance(random, Spread)
    assert trained.median < 0.5 * random.median
