"""Drug interactions as a matrix, with a list of the drugs' structures.

Zhang et al., Predicting potential drug-drug interactions by integrating chemical, biological, phenotypic and
network data, BMC Bioinformatics 18, 18 (2017).
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards
from molbench.data.build.parsers.drug_pairs import SCHEMA, DrugPairs
from molbench.data.build.parsers.pairs import PairChunk, printable
from molbench.data.build.parsers.tables import read_rows, read_table
from molbench.errors import UserError

_MOST_DRUGS = 10_000


class DDIMatrix:
    """One record an unordered pair; option ``seed`` seeds the negatives.

    Source ``matrix`` has the drugs in its first row and column and 1 where two interact; ``drugs`` lists
    ``cid`` and ``smiles``. Drugs without a structure there are left out, and their pairs with them.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both drugs, whether the pair was drawn, how many cells state it, and the label."""
        check_options("ddi-matrix", options, {"seed": int}, ("seed",))
        return SCHEMA

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: negatives depend on all positives."""
        self.schema(options)
        if missing := [name for name in ("matrix", "drugs") if name not in files]:
            raise UserError(f"the {missing[0]} of the interaction matrix is missing among the sources")
        return make_shards("ddi-matrix", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read list and matrix, then give positives and negatives."""
        pairs, chunk = DrugPairs(), PairChunk(SCHEMA)
        path = shard.paths["matrix"]
        smiles = {
            row["cid"]: row["smiles"]
            for _, row in read_table(shard.paths["drugs"], {"cid": ["cid"], "smiles": ["smiles"]})
        }
        for a, b in _interacting(path):
            if a not in smiles or b not in smiles:
                continue
            try:
                pairs.add((a, smiles[a]), (b, smiles[b]))
            except ValueError as error:
                chunk.fail(f"{a}|{b}", path.name, error)
                if chunk.full:
                    yield chunk.take()
        yield from pairs.chunks(chunk, shard.options["seed"], path)


def _interacting(path: Path) -> Iterator[tuple[str, str]]:
    """Pairs of the upper triangle, once the matrix is found square, symmetric and of zeros and ones."""
    rows = [cells for _, cells in islice(read_rows(path), _MOST_DRUGS)]
    drugs = rows[0][1:]
    if [row[0] for row in rows[1:]] != drugs or len(set(drugs)) != len(drugs):
        raise UserError(f"{path}: the first row and the first column do not name the same drugs")
    if bad := [row[0] for row in rows[1:] if len(row) != len(rows) or not set(row[1:]) <= {"0", "1"}]:
        raise UserError(f"{path}: row {printable(bad[0])} is not {len(drugs):,} zeros and ones")
    for i, row in enumerate(rows[1:]):
        for j in range(i + 1):
            if row[j + 1] != rows[j + 1][i + 1]:
                raise UserError(f"{path}: {drugs[i]} and {drugs[j]} interact in one order only")
            if row[j + 1] == "1":
                yield drugs[j], drugs[i]


DDI_MATRIX = DDIMatrix()
