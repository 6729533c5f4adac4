"""Damaged complexes give records, counted failures or a UserError, and never anything else."""

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def complexes(fuzz) -> ModuleType:
    """The fuzzer of complexes, which takes its mutations from that of the other parsers."""
    path = Path(fuzz.__file__).with_name("fuzz_complexes.py")
    spec = importlib.util.spec_from_file_location("fuzz_complexes", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("number", range(6))
def test_nothing_else_escapes(fuzz, complexes, tmp_path, number: int) -> None:
    sample = complexes.samples()[number]
    rng = random.Random(number)
    whole = fuzz.run(sample, sample.outer(sample.files), tmp_path)
    assert not whole.error and not whole.refused and whole.records == 2 and whole.failures == 0, whole
    refused = failed = 0
    for _ in range(60):
        outcome = fuzz.run(sample, fuzz.mutated(sample, rng), tmp_path)
        assert not outcome.error, outcome.error
        refused += outcome.refused
        failed += outcome.failures > 0
    assert refused + failed > 10  # the mutations do reach the parser
