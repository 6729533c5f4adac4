"""Optical properties of chromophores in solvents, the Deep4Chem table.

Joung et al., Experimental database of optical properties of organic compounds, Sci. Data 7, 295 (2020).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.pairs import (
    PairChunk,
    canonical,
    number,
    pair_schema,
    printable,
    require_smiles,
)
from molbench.data.build.parsers.tables import read_table
from molbench.errors import UserError

COLUMNS = {
    "absorption": "Absorption max (nm)",
    "emission": "Emission max (nm)",
    "lifetime": "Lifetime (ns)",
}
"""Targets and their columns in the table."""

_SMALLEST, _LARGEST = 1e-9, 1e9  # nm or ns, far beyond anything measured
_MISSING = {"", "nan", "na", "none"}


@dataclass
class _Pair:
    """One chromophore in one solvent, and all labels measured for it."""

    tag: str
    chromophore: str
    solvent: str
    labels: list[float] = field(default_factory=list)


class Deep4Chem:
    """One record a chromophore and solvent, option ``target`` says of which label.

    A row without that label is no record of the subset. Rows of the same molecules (equal canonical SMILES,
    stereochemistry included) are one record: its label is their mean, its id the tag of the first, and
    ``source_rows`` their number. The solvent ``gas`` is no molecule; its rows are failures. Lifetimes come
    in ns and as ``log_lifetime``, the natural logarithm that models are trained on.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both molecules, the number of rows and the target."""
        target = _target(options)
        return pair_schema("source_rows", target, *(["log_lifetime"] if target == "lifetime" else []))

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: rows to be merged may be anywhere."""
        _target(options)
        _file(files)
        return make_shards("deep4chem", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read the table, then give its pairs in the order in which they first occur."""
        target = _target(shard.options)
        chunk = PairChunk(self.schema(shard.options))
        names = {
            "tag": ["Tag"],
            "chromophore": ["Chromophore"],
            "solvent": ["Solvent"],
            "label": [COLUMNS[target]],
        }
        pairs: dict[tuple[str | None, str | None], _Pair] = {}
        for where, row in read_table(_file(shard.paths), names):
            if row["label"].lower() in _MISSING:
                continue
            try:
                label = number(row["label"])
                if not _SMALLEST < label < _LARGEST:
                    raise ValueError(f"{target} cannot be {label:g}")
                if not row["tag"].isalnum() or not row["tag"].isascii():
                    raise ValueError(f"the tag is no id: {printable(row['tag'])!r}")
                require_smiles(row["chromophore"], "chromophore")
                if row["solvent"] == "gas":
                    raise ValueError("measured in the gas phase: there is no second molecule")
                require_smiles(row["solvent"], "solvent")
            except ValueError as error:
                chunk.fail(row["tag"], where, error)
                if chunk.full:
                    yield chunk.take()
                continue
            key = canonical(row["chromophore"]), canonical(row["solvent"])
            pair = pairs.setdefault(key, _Pair(row["tag"], row["chromophore"], row["solvent"]))
            pair.labels.append(label)
        for pair in pairs.values():
            label = sum(pair.labels) / len(pair.labels)
            values = {target: label} | ({"log_lifetime": log(label)} if target == "lifetime" else {})
            chunk.add(pair.tag, pair.chromophore, pair.solvent, source_rows=len(pair.labels), **values)
            if chunk.full:
                yield chunk.take()
        yield chunk.take()


def _target(options: Mapping[str, Any]) -> str:
    check_options("deep4chem", options, {"target": str}, ("target",))
    target = str(options["target"])
    if target not in COLUMNS:
        raise UserError(f"parser 'deep4chem': target '{target}' is none of {', '.join(COLUMNS)}")
    return target


def _file(files: Mapping[str, Path]) -> Path:
    return only_file(files, (".csv",), "the Deep4Chem table")


DEEP4CHEM = Deep4Chem()
