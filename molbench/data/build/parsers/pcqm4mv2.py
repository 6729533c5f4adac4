"""What the published forms of PCQM4Mv2 share: the table of SMILES and gaps, and ids."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import only_file
from molbench.data.build.parsers.csv_columns import read_csv_columns
from molbench.errors import UserError

THEORY = "B3LYP/6-31G*"
_WANTED = {"idx": "idx", "smiles": "smiles", "gap": "homolumogap"}


def row_id(index: int) -> str:
    """Id of a molecule: its row number, which the published split counts by."""
    return f"pcqm4mv2-{index}"


def gap_table(files: Mapping[str, Path]) -> pa.Table:
    """``data.csv.gz``: columns ``smiles`` and ``gap`` (eV; null for the hidden tests).

    Raises:
        UserError: If it is missing, or its rows are not numbered from 0 without a gap.
    """
    path = only_file(files, suffixes=(".csv.gz", ".csv"), what="the table data.csv.gz")
    table = read_csv_columns(path, _WANTED, ["idx", "gap"])
    numbers = table.column("idx").to_numpy()
    wrong = np.flatnonzero(numbers != np.arange(len(numbers)))
    if wrong.size:
        raise UserError(f"{path}: row {wrong[0]:,} has idx {numbers[wrong[0]]:g}: rows are missing or moved")
    gaps = table.column("gap").to_numpy(zero_copy_only=False)
    return pa.table({"smiles": table.column("smiles"), "gap": pa.array(gaps, from_pandas=True)})
