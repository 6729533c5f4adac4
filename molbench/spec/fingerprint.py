"""The fingerprint baseline: candidate and protocol in one, so that no other protocol changes it."""

import json
from hashlib import sha256
from typing import Literal

from pydantic import Field

from molbench.spec.base import Spec

FINGERPRINT = "fingerprint"


class Boosting(Spec):
    """Gradient-boosted trees on Morgan counts and descriptors, in the place of a candidate and its protocol.

    Attributes:
        min_molecules: A bit that is set in fewer training molecules is left out.
        max_bits: Of the others, so many are kept, those set in the most training molecules.
        max_records: Training records, and validation records, beyond which so many are drawn by the seed.
        trees: At most so many; fewer where the validation loss stops falling.
        patience: Trees without a lower validation loss after which fitting ends.
        learning_rate: Shrinkage of each tree.
        max_leaves: Leaves of a tree.
        min_leaf: Records of a leaf.
        max_bins: Distinct values of a column that are told apart.
        column_share: Columns looked at for a split, drawn by the seed.
        version: Raised whenever scores change, so that old ones are never mixed in.
    """

    name: Literal["fingerprint"] = "fingerprint"
    kind: Literal["fingerprint"] = "fingerprint"
    description: str = (
        "Gradient-boosted trees on Morgan counts (radius 2, 2,048 bits) and ten descriptors of each molecule."
    )
    min_molecules: int = Field(default=10, ge=1)
    max_bits: int = Field(default=512, ge=1)
    max_records: int = Field(default=100_000, ge=2)
    trees: int = Field(default=300, ge=1)
    patience: int = Field(default=20, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)
    max_leaves: int = Field(default=31, ge=2)
    min_leaf: int = Field(default=10, ge=1)
    max_bins: int = Field(default=64, ge=2, le=255)
    column_share: float = Field(default=0.3, gt=0, le=1)
    version: int = 1

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, in the place of an encoder's."""
        text = json.dumps(self.model_dump(exclude={"description"}), sort_keys=True)
        return sha256(text.encode()).hexdigest()
