"""Drug interactions as a matrix, with a list of the drugs' structures.

Zhang et al., Predicting potential drug-drug interactions by integrating chemical, biological, phenotypic and
network data, BMC Bioinformatics 18, 18 (2017).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from molbench.data.build.parsers.drug_pairs import Drug
from molbench.data.build.parsers.interactions import InteractionParser
from molbench.data.build.parsers.tables import read_rows, read_table
from molbench.data.build.parsers.text import printable
from molbench.errors import UserError

_MOST_DRUGS = 10_000


@dataclass(frozen=True)
class DDIMatrix(InteractionParser):
    """One record an unordered pair.

    Source ``matrix`` has the drugs in its first row and column and 1 where two interact; ``drugs`` lists
    ``cid`` and ``smiles``. Drugs without a structure there are left out, and their pairs with them.
    """

    name = "ddi-matrix"

    def tables(self, files: Mapping[str, Path]) -> list[Path]:
        """The matrix."""
        if missing := [name for name in ("matrix", "drugs") if name not in files]:
            raise UserError(f"the {missing[0]} of the interaction matrix is missing among the sources")
        return [files["matrix"]]

    def rows(self, files: Mapping[str, Path]) -> Iterator[tuple[str, str, tuple[Drug, Drug]]]:
        """Pairs of drugs with structures."""
        list_of_drugs = read_table(files["drugs"], {"cid": ["cid"], "smiles": ["smiles"]})
        smiles = {row["cid"]: row["smiles"] for _, row in list_of_drugs}
        for a, b in _interacting(files["matrix"]):
            if a in smiles and b in smiles:
                yield f"{a}|{b}", files["matrix"].name, ((a, smiles[a]), (b, smiles[b]))

    def interaction(self, row: tuple[Drug, Drug]) -> tuple[Drug, Drug]:
        """Every pair that :meth:`rows` gives."""
        return row


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
