"""``splits.yaml``: named assignments of records to train, validation and test."""

from typing import Any, Literal

from pydantic import Field, field_validator

from molbench.spec.base import Spec, later
from molbench.spec.names import Name

SPLITS = ("train", "validation", "test")

#: What test records may share, so that their errors are not independent. ``molecule``, ``protein``,
#: ``partner``, ``ligand``: the same one. ``scaffold``: one of Bemis and Murcko; acyclic molecules share none.
#: ``solute``, ``chromophore``, ``solvent``: the first or second molecule of an ordered pair. ``drug``: either
#: of an unordered one. ``block``: a stretch of a trajectory; as many as the root of the number of frames.
Cluster = Literal[
    "molecule",
    "scaffold",
    "protein",
    "partner",
    "ligand",
    "solute",
    "chromophore",
    "solvent",
    "drug",
    "block",
]


class Scheme(Spec):
    """One named split scheme.

    Attributes:
        generator: Name of the splitter that draws it.
        parameters: Arguments of the splitter, seed included.
        description: How records are divided, in a sentence.
        source: The paper or code the scheme follows.
        complete: Whether it is defined only on the complete dataset.
        subsets: Subsets it applies to; None for all.
        digest: SHA-256 of the assignment of the complete dataset, one a subset where there are subsets.
        content: SHA-256 over the records that the scheme uses, likewise: a build that holds these is complete
            for the scheme, whatever else is missing.
        geometry: Whether positions, bonds and SMILES are among what ``content`` is taken over; not where
            sources of the same molecules differ in the last decimal.
        leaks: For published schemes that leak, how, so that nobody mistakes them for clean ones.
        cluster: What test records share; two names are clusters that cross. None for the dataset's own, see
            :class:`Splits`.
        optional: Whether a build leaves it out, and says why, where it cannot be drawn.
    """

    generator: str
    parameters: dict[str, Any] = {}
    description: str
    source: str | None = None
    complete: bool = False
    subsets: list[str] | None = None
    digest: str | dict[str, str] | None = None
    content: str | dict[str, str] | None = None
    geometry: bool = True
    leaks: str | None = None
    cluster: list[Cluster] | None = Field(default=None, max_length=2)
    optional: bool = later(False)

    @property
    def folds(self) -> tuple[int, int]:
        """Repeats and folds of a cross-validation, (0, 0) for every other scheme.

        A cross-validation is built as one scheme a fold; see :func:`fold_name`.
        """
        if not self.generator.startswith("kfold"):
            return 0, 0
        return int(self.parameters.get("repeats", 1)), int(self.parameters["folds"])

    def content_of(self, subset: str | None) -> str | None:
        """The digest that the records it uses have, if one is declared."""
        return self.content.get(subset or "") if isinstance(self.content, dict) else self.content

    def digest_of(self, subset: str | None) -> str | None:
        """The digest to hold an assignment against, if one is declared."""
        return self.digest.get(subset or "") if isinstance(self.digest, dict) else self.digest

    def applies_to(self, subset: str | None) -> bool:
        """Whether the scheme is meant for ``subset``."""
        return self.subsets is None or subset in self.subsets


def fold_name(scheme: str, repeat: int, fold: int) -> str:
    """Name under which one fold of a cross-validation is built, ``kfold-0-3``."""
    return f"{scheme}-{repeat}-{fold}"


class Splits(Spec):
    """All split schemes of a dataset; the first is its default.

    Attributes:
        schemes: By name; the first is the default.
        cluster: What test records share under every scheme that does not say otherwise; none where they are
            independent.
    """

    cluster: list[Cluster] = Field(default=[], max_length=2)
    schemes: dict[Name, Scheme] = Field(min_length=1)

    def clusters_of(self, scheme: str) -> list[Cluster]:
        """What test records of one scheme share."""
        cluster = self.schemes[scheme].cluster
        return self.cluster if cluster is None else cluster

    @field_validator("schemes")
    @classmethod
    def _unreserved(cls, schemes: dict[str, Scheme]) -> dict[str, Scheme]:
        for name in schemes:
            if name in {"all", "default"}:
                raise ValueError(f"'{name}' cannot name a scheme: 'all' and 'default' are reserved")
        return schemes
