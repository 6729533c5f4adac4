"""Damaged pairs give records, counted failures or a UserError, and never anything else."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def fuzz_pairs(fuzz) -> ModuleType:
    """The fuzzer of ``benchmarks/``; it builds upon the one that the fixture ``fuzz`` has loaded."""
    path = Path(__file__).parents[4] / "benchmarks" / "fuzz_pairs.py"
    spec = importlib.util.spec_from_file_location("fuzz_pairs", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_pairs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", range(10))
def test_nothing_else_escapes(fuzz, fuzz_pairs, tmp_path, number: int) -> None:
    sample = fuzz_pairs.samples()[number]
    rng = random.Random(number)
    whole = fuzz_pairs.run(sample, sample.outer(sample.files), tmp_path)
    assert not whole.error and not whole.refused and whole.records > 0 and whole.failures == 0, whole
    refused = failed = 0
    for _ in range(60):
        outcome = fuzz_pairs.run(sample, fuzz.mutated(sample, rng), tmp_path)
        assert not outcome.error, outcome.error
        refused += outcome.refused
        failed += outcome.failures > 0
    assert refused + failed > 10  # the mutations do reach the parser
