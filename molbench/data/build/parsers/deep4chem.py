"""Optical properties of chromophores in solvents, the Deep4Chem table.

Joung et al., Experimental database of optical properties of organic compounds, Sci. Data 7, 295 (2020).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import log
from pathlib import Path
from typing import Literal

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard, only_file
from molbench.data.build.parsers.cells import canonical, number, require_smiles
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.tables import read_table
from molbench.data.build.parsers.text import printable

COLUMNS = {
    "absorption": "Absorption max (nm)",
    "emission": "Emission max (nm)",
    "lifetime": "Lifetime (ns)",
}
"""Targets and their columns in the table."""

_SMALLEST, _LARGEST = 1e-9, 1e9  # nm or ns, far beyond anything measured
_MISSING = {"", "nan", "na", "none"}

_table = partial(only_file, suffixes=(".csv",), what="the Deep4Chem table")


@dataclass
class _Pair:
    """One chromophore in one solvent, and all labels measured for it."""

    tag: str
    chromophore: str
    solvent: str
    labels: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Deep4Chem(Parser):
    """One record a chromophore and solvent.

    A row without the label is no record of the subset. Rows of the same molecules (equal canonical SMILES,
    stereochemistry included) are one record: its label is their mean, its id the tag of the first, and
    ``source_rows`` their number. The solvent ``gas`` is no molecule; its rows are failures. Lifetimes come
    in ns and as ``log_lifetime``, the natural logarithm that models are trained on.

    Attributes:
        target: Which label.
    """

    name = "deep4chem"
    target: Literal["absorption", "emission", "lifetime"]

    def schema(self) -> pa.Schema:
        """Both molecules, the number of rows and the target."""
        more = ["log_lifetime"] if self.target == "lifetime" else []
        return record_schema("a_smiles", "b_smiles", "source_rows", self.target, *more)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """The whole table: rows to be merged may be anywhere."""
        _table(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read the table, then give its pairs in the order in which they first occur."""
        chunk, path = Collector(self.schema()), _table(shard.files)
        names = {
            "tag": ["Tag"],
            "chromophore": ["Chromophore"],
            "solvent": ["Solvent"],
            "label": [COLUMNS[self.target]],
        }
        pairs: dict[tuple[str | None, str | None], _Pair] = {}
        for where, row in read_table(path, names):
            if row["label"].lower() not in _MISSING:
                with chunk.record(row["tag"], where):
                    label = self._label(row)
                    key = canonical(row["chromophore"]), canonical(row["solvent"])
                    pair = pairs.setdefault(key, _Pair(row["tag"], row["chromophore"], row["solvent"]))
                    pair.labels.append(label)
                yield from chunk.when_full()
        for pair in pairs.values():
            label = sum(pair.labels) / len(pair.labels)
            values = {"a_smiles": pair.chromophore, "b_smiles": pair.solvent, self.target: label}
            chunk.add(pair.tag, path.name, source_rows=len(pair.labels), log_lifetime=log(label), **values)
            yield from chunk.when_full()
        yield chunk.take()

    def _label(self, row: Mapping[str, str]) -> float:
        """The label of a row, once all of it is found sound."""
        label = number(row["label"])
        if not _SMALLEST < label < _LARGEST:
            raise ValueError(f"{self.target} cannot be {label:g}")
        if not row["tag"].isalnum() or not row["tag"].isascii():
            raise ValueError(f"the tag is no id: {printable(row['tag'])!r}")
        require_smiles(row["chromophore"], "chromophore")
        if row["solvent"] == "gas":
            raise ValueError("measured in the gas phase: there is no second molecule")
        require_smiles(row["solvent"], "solvent")
        return label
