"""Fuzzing of the parsers: small valid inputs by family, and their mutations."""

import importlib
from functools import cache

from tests.fuzz.mutation import Sample

FAMILIES = ("molecules", "pairs", "complexes", "spectra", "corpora")


@cache
def family(name: str) -> list[Sample]:
    """The samples of a family, each a module beside this one."""
    samples: list[Sample] = importlib.import_module(f"tests.fuzz.{name}").samples()
    return samples
