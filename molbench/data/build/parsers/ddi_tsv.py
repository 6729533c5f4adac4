"""Drug pairs without a header: identifiers with a list of structures, or SMILES with labels.

The Stanford ChCh-Miner network (Zitnik et al., BioSNAP, 2018) and DeepDDI's table (Ryu, Kim and Lee, Deep
learning improves prediction of drug-drug and drug-food interactions, PNAS 115, E4304, 2018).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards
from molbench.data.build.parsers.drug_pairs import SCHEMA, DrugPairs
from molbench.data.build.parsers.pairs import PairChunk, number
from molbench.data.build.parsers.tables import Names, read_rows, read_table
from molbench.errors import UserError

_LIST: Names = {"name": ["drugbank_id"], "smiles": ["smiles"]}


class DDITable:
    """One record an unordered pair; option ``seed`` seeds the negatives.

    Source ``pairs`` holds two identifiers a row, whose structures are in the source ``drugs``; or two SMILES
    and a label, of which the rows labelled 1 are used and the SMILES are the names. Pairs with a drug that
    the list does not have are left out. Pairs stated more than once, in either order, are one record.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both drugs, whether the pair was drawn, how many rows state it, and the label."""
        check_options("ddi-tsv", options, {"seed": int}, ("seed",))
        return SCHEMA

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: negatives depend on all positives."""
        self.schema(options)
        if "pairs" not in files:
            raise UserError("the table of drug pairs is missing among the sources")
        return make_shards("ddi-tsv", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read the table, then give positives and negatives."""
        pairs, chunk = DrugPairs(), PairChunk(SCHEMA)
        path = shard.paths["pairs"]
        drugs = shard.paths.get("drugs")
        smiles = {row["name"]: row["smiles"] for _, row in read_table(drugs, _LIST)} if drugs else None
        for line, cells in read_rows(path):
            try:
                if len(cells) != (3 if smiles is None else 2):
                    raise ValueError(f"{len(cells)} columns, not {'three' if smiles is None else 'two'}")
                if smiles is None:
                    label = number(cells[2])
                    if label not in {0, 1}:
                        raise ValueError(f"label is 0 or 1, not {label:g}")
                    if label == 1:
                        pairs.add((cells[0], cells[0]), (cells[1], cells[1]))
                elif cells[0] in smiles and cells[1] in smiles:
                    pairs.add((cells[0], smiles[cells[0]]), (cells[1], smiles[cells[1]]))
            except ValueError as error:
                chunk.fail("|".join(cells[:2]), f"{path.name}, line {line:,}", error)
                if chunk.full:
                    yield chunk.take()
        yield from pairs.chunks(chunk, shard.options["seed"], path)


DDI_TSV = DDITable()
