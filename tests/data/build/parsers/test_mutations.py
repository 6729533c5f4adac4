"""Damaged input gives records, counted failures or a UserError, and never anything else."""

import random

import pytest


@pytest.mark.parametrize("number", range(7))
def test_nothing_else_escapes(fuzz, tmp_path, number: int) -> None:
    sample = fuzz.samples()[number]
    rng = random.Random(number)
    whole = fuzz.run(sample, sample.outer(sample.files), tmp_path)
    assert not whole.error and not whole.refused and whole.records > 0 and whole.failures == 0, whole
    refused = failed = 0
    for _ in range(60):
        outcome = fuzz.run(sample, fuzz.mutated(sample, rng), tmp_path)
        assert not outcome.error, outcome.error
        refused += outcome.refused
        failed += outcome.failures > 0
    assert refused + failed > 10  # the mutations do reach the parser
