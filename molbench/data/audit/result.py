"""What an audit of a built dataset found, as it is stored."""

from __future__ import annotations

from typing import Any

from molbench.data.audit.nearest_train import Nearest
from molbench.spec.base import Spec

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

FEWEST = 10
"""Labels that are shown as a distribution; fewer would be single values."""


class Distribution(Spec):
    """Labels of one split, in the dataset's own unit.

    Attributes:
        records: Records that have the label.
        quantiles: At :data:`QUANTILES`, the first and last the smallest and largest label.
    """

    records: int
    mean: float
    std: float
    quantiles: list[float]


class SplitAudit(Spec):
    """One split of one scheme.

    Attributes:
        identities: Distinct identity keys.
        identity_digest: SHA-256 of them, see ``molbench.data.folder.record_identity.identity_digest``.
        labels: Distribution of each target.
    """

    records: int
    identities: int
    identity_digest: str
    labels: dict[str, Distribution]


class SchemeAudit(Spec):
    """One scheme as built.

    Attributes:
        leaks: What the declaration says about a leak; None for a scheme that claims to be clean.
        digest: Of the assignment.
        parent: Content digest of the records it was drawn from.
        shared: Identity keys that two splits share, under ``train/test`` and so on.
        leaking: Test records whose identity key is in train or validation.
        reversed: For pairs whose order matters, test records that are in train or validation the other way
            round.
        unseen: For pairs, test records with neither, one or both molecules absent from train.
        nearest: Similarity of test molecules to train, where there are SMILES.
        problems: What is wrong: an empty split, or a leak that is not declared.
    """

    generator: str
    parameters: dict[str, Any]
    description: str
    source: str | None
    leaks: str | None
    digest: str
    parent: str
    splits: dict[str, SplitAudit]
    shared: dict[str, int]
    leaking: int
    reversed: int | None
    unseen: dict[str, int] | None
    nearest: Nearest | None
    problems: list[str]

    @property
    def verdict(self) -> str:
        """A few words, for tables."""
        if any(self.shared.values()):
            return "leaks, as declared" if self.leaks else "LEAKS, undeclared"
        if self.problems:
            return "; ".join(self.problems)
        return "disjoint, declared to leak" if self.leaks else "disjoint"


class PartAudit(Spec):
    """A whole dataset, or one of its subsets.

    Attributes:
        identity: What records were compared by: the dataset's declared identity, or ``id`` where the records
            lack the columns for it.
        ordered: Whether a pair the other way round is another one.
        unidentified: Records without an identity key; they are compared with nothing.
        labels: Distribution of each target over all records.
        left_out: Declared schemes that could not be drawn, and why.
    """

    subset: str | None
    records: int
    digest: str
    identity: str
    ordered: bool
    unidentified: int
    labels: dict[str, Distribution]
    schemes: dict[str, SchemeAudit]
    left_out: dict[str, str]


class Audit(Spec):
    """Everything about one built dataset."""

    dataset: str
    version: str
    partial: bool
    digest: str
    parts: list[PartAudit]

    @property
    def problems(self) -> list[str]:
        """What is wrong, each with the scheme it is wrong with."""
        return [
            f"{part.subset + '@' if part.subset else ''}{name}: {problem}"
            for part in self.parts
            for name, scheme in part.schemes.items()
            for problem in scheme.problems
        ]
