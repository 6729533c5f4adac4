"""Every family of methods trains alike in one process and in two."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.families import FAMILIES, SMILES, comparable, trained

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("families.py")
#: What two processes cannot have in common with one, by the ends of the names of weights. Batch
#: normalisation keeps the running statistics of the first process, and does not use them in training.
_BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")


def test_two_processes_equal_one_that_accumulates_twice(
    tmp_path: Path, build_molecules: Callable[..., Path]
) -> None:
    build_molecules("molecules", SMILES)
    options = json.dumps({"folder": str(tmp_path)})
    two = subprocess.run(
        [sys.executable, str(SCRIPT), options], capture_output=True, text=True, timeout=240, check=False
    )
    assert two.returncode == 0, two.stderr
    for name in FAMILIES:
        one = trained(name, tmp_path / f"{name}-one.pt", **comparable(name), accumulate=2)
        actual = torch.load(tmp_path / f"{name}.weights")
        assert actual.keys() == one.keys()
        for key, value in one.items():
            # The first of two micro-batches is standardised by less than both; the sums are the same.
            running = name == "coord" and not key.startswith("standardise.")
            if running or key.endswith(_BATCH_NORM):
                continue
            torch.testing.assert_close(
                actual[key], value, rtol=0, atol=1e-6, msg=lambda m, what=f"{name} {key}": f"{what}: {m}"
            )
