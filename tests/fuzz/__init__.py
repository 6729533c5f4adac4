"""Fuzzing of the parsers: small valid inputs by family, and their mutations."""

import importlib
from functools import cache
from pathlib import Path

from tests.fuzz.mutation import Sample

FAMILIES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if "\ndef samples(" in path.read_text(encoding="utf-8")
)


@cache
def family(name: str) -> list[Sample]:
    """The samples of a family, each a module beside this one."""
    samples: list[Sample] = importlib.import_module(f"tests.fuzz.{name}").samples()
    return samples
