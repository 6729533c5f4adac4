"""Drug pairs as MIRACLE published them: csv files for training, validation and test.

Wang, Min, Chen and Wu, Multi-view graph contrastive representation learning for drug-drug interaction
prediction, WWW 2021.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards
from molbench.data.build.parsers.drug_pairs import SCHEMA, DrugPairs
from molbench.data.build.parsers.pairs import PairChunk, number
from molbench.data.build.parsers.tables import Names, read_table
from molbench.errors import UserError

_COLUMNS: Names = {
    "first": ["drugbank_id_1"],
    "second": ["drugbank_id_2"],
    "first_smiles": ["smiles_1"],
    "second_smiles": ["smiles_2"],
    "label": ["label"],
}


class MiracleDDI:
    """One record an unordered pair; option ``seed`` seeds the negatives.

    The files overlap and repeat themselves, so their division is no split: all are read as one. Rows labelled
    1 are the positives, merged where they state the same pair, ``source_rows`` says how often; rows labelled
    0 are not used, as in 3DMRL. Columns are found by name, since one network has them in another order.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both drugs, whether the pair was drawn, how many rows state it, and the label."""
        check_options("miracle-ddi", options, {"seed": int}, ("seed",))
        return SCHEMA

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: negatives depend on all positives."""
        self.schema(options)
        _files(files)
        return make_shards("miracle-ddi", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read all files, then give positives and negatives."""
        pairs, chunk = DrugPairs(), PairChunk(SCHEMA)
        paths = _files(shard.paths)
        for path in paths:
            for where, row in read_table(path, _COLUMNS):
                first, second = row["first"], row["second"]
                try:
                    label = number(row["label"])
                    if label not in {0, 1}:
                        raise ValueError(f"label is 0 or 1, not {label:g}")
                    if label == 1:
                        pairs.add((first, row["first_smiles"]), (second, row["second_smiles"]))
                except ValueError as error:
                    chunk.fail(f"{first}|{second}", where, error)
                    if chunk.full:
                        yield chunk.take()
        yield from pairs.chunks(chunk, shard.options["seed"], ", ".join(path.name for path in paths))


def _files(files: Mapping[str, Path]) -> list[Path]:
    """The tables by file name, so that the order of the sources does not matter."""
    paths = sorted((path for path in files.values() if path.suffix.lower() == ".csv"), key=lambda p: p.name)
    if not paths:
        raise UserError("the csv files of MIRACLE are missing; given: " + (", ".join(files) or "no file"))
    return paths


MIRACLE_DDI = MiracleDDI()
