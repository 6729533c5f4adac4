"""Drug pairs without a header: identifiers with a list of structures, or SMILES with labels.

The Stanford ChCh-Miner network (Zitnik et al., BioSNAP, 2018) and DeepDDI's table (Ryu, Kim and Lee, Deep
learning improves prediction of drug-drug and drug-food interactions, PNAS 115, E4304, 2018).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from molbench.data.build.parsers.drug_pairs import Drug
from molbench.data.build.parsers.interactions import InteractionParser, is_interaction
from molbench.data.build.parsers.tables import Names, read_rows, read_table
from molbench.errors import UserError

_LIST: Names = {"name": ["drugbank_id"], "smiles": ["smiles"]}

Structures = Mapping[str, str] | None
"""SMILES by name."""


@dataclass(frozen=True)
class DDITable(InteractionParser):
    """One record an unordered pair.

    Source ``pairs`` holds two identifiers a row, whose structures are in the source ``drugs``; or two SMILES
    and a label, of which the rows labelled 1 are used and the SMILES are the names. Pairs with a drug that
    the list does not have are left out. Pairs stated more than once, in either order, are one record.
    """

    name = "ddi-tsv"

    def tables(self, files: Mapping[str, Path]) -> list[Path]:
        """The table of pairs."""
        if "pairs" not in files:
            raise UserError("the table of drug pairs is missing among the sources")
        return [files["pairs"]]

    def rows(self, files: Mapping[str, Path]) -> Iterator[tuple[str, str, tuple[list[str], Structures]]]:
        """Cells of every row, with the structures of all drugs where there is a list of them."""
        drugs = files.get("drugs")
        smiles = {row["name"]: row["smiles"] for _, row in read_table(drugs, _LIST)} if drugs else None
        for line, cells in read_rows(files["pairs"]):
            yield "|".join(cells[:2]), f"{files['pairs'].name}, line {line:,}", (cells, smiles)

    def interaction(self, row: tuple[list[str], Structures]) -> tuple[Drug, Drug] | None:
        """Two drugs with their structures."""
        cells, smiles = row
        if len(cells) != (3 if smiles is None else 2):
            raise ValueError(f"{len(cells)} columns, not {'three' if smiles is None else 'two'}")
        a, b, *label = cells
        if smiles is None:
            return ((a, a), (b, b)) if is_interaction(label[0]) else None
        return ((a, smiles[a]), (b, smiles[b])) if a in smiles and b in smiles else None
