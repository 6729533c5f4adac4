"""Kinds of record: one file each, and hardly anything else asks which kind a record is of."""

from collections.abc import Collection

from molbench.data.records.base import RecordKind
from molbench.data.records.complex import ComplexKind
from molbench.data.records.molecule import MoleculeKind
from molbench.data.records.pair import PairKind

MOLECULE, PAIR, COMPLEX = MoleculeKind(), PairKind(), ComplexKind()
RECORD_KINDS: dict[str, RecordKind] = {kind.name: kind for kind in (MOLECULE, PAIR, COMPLEX)}

SMILES = {column: key for kind in RECORD_KINDS.values() for column, key in kind.smiles.items()}
"""Every column of SMILES, with the column of InChIKeys that the builder puts beside it, or None."""

IDENTITY_KEYS = {column: key for column, key in SMILES.items() if key}
"""Columns of SMILES that the builder makes InChIKeys of, with the columns of these."""


def kind_of_columns(columns: Collection[str]) -> RecordKind:
    """Whether records are pairs or have atoms, where their columns are all that is known of them."""
    return PAIR if {*PAIR.smiles} <= {*columns} else MOLECULE
