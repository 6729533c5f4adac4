"""Drug pairs as MIRACLE published them: csv files for training, validation and test.

Wang, Min, Chen and Wu, Multi-view graph contrastive representation learning for drug-drug interaction
prediction, WWW 2021.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from molbench.data.build.parsers.drug_pairs import Drug
from molbench.data.build.parsers.interactions import InteractionParser, is_interaction
from molbench.data.build.parsers.tables import Names, read_table
from molbench.errors import UserError

_COLUMNS: Names = {
    "first": ["drugbank_id_1"],
    "second": ["drugbank_id_2"],
    "first_smiles": ["smiles_1"],
    "second_smiles": ["smiles_2"],
    "label": ["label"],
}


@dataclass(frozen=True)
class MiracleDDI(InteractionParser):
    """One record an unordered pair.

    The files overlap and repeat themselves, so their division is no split: all are read as one. Rows labelled
    1 are the positives, merged where they state the same pair, ``source_rows`` says how often; rows labelled
    0 are not used, as in 3DMRL. Columns are found by name, since one network has them in another order.
    """

    name = "miracle-ddi"

    def tables(self, files: Mapping[str, Path]) -> list[Path]:
        """The tables by file name, so that the order of the sources does not matter."""
        paths = [path for path in files.values() if path.suffix.lower() == ".csv"]
        if not paths:
            raise UserError("the csv files of MIRACLE are missing; given: " + (", ".join(files) or "no file"))
        return sorted(paths, key=lambda path: path.name)

    def rows(self, files: Mapping[str, Path]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """Rows of all tables."""
        for path in self.tables(files):
            for where, row in read_table(path, _COLUMNS):
                yield f"{row['first']}|{row['second']}", where, row

    def interaction(self, row: Mapping[str, str]) -> tuple[Drug, Drug] | None:
        """Both drugs of a row that is labelled 1."""
        if not is_interaction(row["label"]):
            return None
        return (row["first"], row["first_smiles"]), (row["second"], row["second_smiles"])
