"""Damaged files give records, counted failures or a UserError, and never anything else."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from molbench.data.build.parsers import PARSERS, build_parser, geom_rdkit
from tests.fuzz import FAMILIES, family
from tests.fuzz.corpora import SharedProcess
from tests.fuzz.mutation import mutated, run

pytestmark = pytest.mark.slow

ROUNDS = 60
#: Mutations that must reach the parser; many bytes of spectra are those of numbers that a bit does not spoil.
FEWEST = {"spectra": 3}


def _cases() -> list:
    return [
        pytest.param(
            name,
            number,
            id=f"{name}-{number}-{sample.parser}",
        )
        for name in FAMILIES
        for number, sample in enumerate(family(name))
    ]


@pytest.mark.parametrize(("name", "number"), _cases())
def test_nothing_else_escapes(tmp_path: Path, monkeypatch, name: str, number: int) -> None:
    monkeypatch.setattr(geom_rdkit, "MolProcess", SharedProcess)
    sample = family(name)[number]
    rng = random.Random(number)
    whole = run(sample, sample.outer(sample.files), tmp_path)
    assert not whole.error and not whole.refused and whole.records > 0 and whole.failures == 0, whole
    refused = failed = 0
    for _ in range(ROUNDS):
        outcome = run(sample, mutated(sample, rng), tmp_path)
        assert not outcome.error, outcome.error
        refused += outcome.refused
        failed += outcome.failures > 0
    assert refused + failed > FEWEST.get(name, 10)


@pytest.mark.parametrize(("name", "number"), _cases())
def test_shards_in_order_are_the_source(tmp_path: Path, monkeypatch, name: str, number: int) -> None:
    monkeypatch.setattr(geom_rdkit, "MolProcess", SharedProcess)
    sample = family(name)[number]
    parser = build_parser(sample.parser, sample.options)
    paths = sample.write(sample.outer(sample.files), tmp_path)
    whole, cut = (
        pa.concat_tables([chunk.table for shard in parser.shards(paths, count) for chunk in shard.read()])
        for count in (1, 3)
    )
    assert whole.schema.equals(parser.schema()) and whole.equals(cut)
    ids = whole["id"].to_pylist()
    assert all(ids) and len(set(ids)) == len(ids)


def test_every_parser_has_a_sample() -> None:
    sampled = {sample.parser for name in FAMILIES for sample in family(name)}
    assert sampled == set(PARSERS)
