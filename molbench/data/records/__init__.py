"""Kinds of record: one file each, and nothing else in the package asks which kind a record is of."""

from collections.abc import Collection

from molbench.data.records.base import RecordKind
from molbench.spec.dataset import RECORD_KINDS as LISTED

RECORD_KINDS: dict[str, RecordKind] = {name: LISTED[name]() for name in LISTED}

SMILES = {column: key for kind in RECORD_KINDS.values() for column, key in kind.smiles.items()}
"""Every column of SMILES, with the column of InChIKeys that the builder puts beside it, or None."""

IDENTITY_KEYS = {column: key for column, key in SMILES.items() if key}
"""Columns of SMILES that the builder makes InChIKeys of, with the columns of these."""


def required_columns(columns: Collection[str]) -> tuple[str, ...]:
    """What records must have, where their columns are all that is known of them: SMILES alone, or atoms."""
    for kind in RECORD_KINDS.values():
        if kind.molecule_table and {*kind.smiles} <= {*columns}:
            return kind.required
    return RecordKind.required
