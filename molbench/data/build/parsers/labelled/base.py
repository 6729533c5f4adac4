"""What parsers of users' own files have in common: names for labels and ids, and numbers in text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from molbench.data.build.parsers.base import Parser
from molbench.data.build.parsers.cells import number
from molbench.errors import unknown_name

_MISSING = {"", "nan", "na", "n/a", "none", "null", "-"}
_COMMA = re.compile(r"[+-]?\d+,\d+")
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class LabelledFile(Parser):
    """A file that says itself what its labels are called.

    Attributes:
        targets: Column of the records to what the file calls it.
        id: What the file calls the id of a record; without it records are numbered.
        prefix: What stands before the number.
    """

    targets: dict[str, str] = field(default_factory=dict)
    id: str | None = None
    prefix: str = "record"

    def labels(self, values: Mapping[str, str]) -> dict[str, float | None]:
        """Labels of a record, None for those that it lacks.

        Args:
            values: Text by the file's own names.

        Raises:
            ValueError: If it has none of them, or one is no number, naming it.
        """
        labels = {name: parse_label(values.get(source), source) for name, source in self.targets.items()}
        if labels and all(value is None for value in labels.values()):
            raise ValueError(f"no value of {' or '.join(map(repr, self.targets.values()))}")
        return labels

    def identifier(self, values: Mapping[str, str], count: int) -> str:
        """The id of a record, the ``count``-th of the file, from 1.

        Raises:
            ValueError: If the file should have one and has not.
        """
        if self.id is None:
            return f"{self.prefix}-{count:06d}"
        if not values.get(self.id):
            raise ValueError(f"no id: '{self.id}' is missing")
        return values[self.id]


def parse_label(text: str | None, name: str) -> float | None:
    """The number that a label is; true is 1 and false 0, and None where it is missing.

    Raises:
        ValueError: If it is anything else.
    """
    if text is None or text.strip().lower() in _MISSING:
        return None
    if (truth := _TRUTH.get(text.strip().lower())) is not None:
        return truth
    try:
        return number(text.replace("−", "-"))  # the minus of printed tables
    except ValueError as error:
        hint = "; decimals stand behind a point" if _COMMA.fullmatch(text.strip()) else ""
        hint = "; write the number alone, and % as its unit" if text.strip().endswith("%") else hint
        raise ValueError(f"'{name}': {error}{hint}") from None


def unknown_column(path: Path, name: str, known: Iterable[str]) -> str:
    """The message that a file has no column, property or array of a name."""
    return f"{path}: {unknown_name('column', name, known)}"
