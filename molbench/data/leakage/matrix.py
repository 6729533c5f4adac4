"""What is known about the test molecules of tasks in one corpus, as it is stored."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.paths import home
from molbench.spec.base import Spec

#: Ways in which a test molecule can have been seen.
LEVELS = {
    "molecule": "the same molecule",
    "scaffold": "the same Bemis-Murcko scaffold, of the molecules with a ring",
    "similar": "a molecule of Tanimoto similarity 0.9 or more (Morgan, radius 2, 2,048 bits)",
    "pair": "the same pair of molecules, in either order",
    "protein": "the same protein",
}


class Count(Spec):
    """``seen`` of ``of`` distinct test molecules, pairs or proteins."""

    seen: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where there is nothing to count."""
        return self.seen / self.of if self.of else None


class Side(Spec):
    """A split of a dataset, named by content.

    Attributes:
        scheme: Name of the split scheme.
        digest: Content digest of the records.
        split_digest: Digest of the assignment.
        records: Records of the split.
    """

    dataset: str
    subset: str | None
    scheme: str
    digest: str
    split_digest: str
    records: int

    @property
    def name(self) -> str:
        """``qm9@geossl``, or ``md17/aspirin@950``."""
        return f"{self.dataset}{'/' + self.subset if self.subset else ''}@{self.scheme}"


class Overlap(Spec):
    """One test split against one corpus.

    Attributes:
        compared_by: What makes two molecules the same: ``inchikey`` (its first block), ``connectivity`` (the
            bond graph told from the geometry, where a side has no SMILES), or ``nothing``.
        unidentified: Records of the test split without an identity key.
        counts: By level; a level that cannot be told is left out.
        note: What the numbers do not say.
    """

    test: Side
    compared_by: str
    unidentified: int
    counts: dict[str, Count]
    note: str = ""


class Matrix(Spec):
    """Task ids to what a corpus has seen of their test splits."""

    corpus: Side
    tasks: dict[str, Overlap]


def cached(corpus_digest: str, corpus_scheme: str, test: Side) -> Overlap | None:
    """The overlap computed earlier for the same corpus and test split, if there is one."""
    try:
        return Overlap.model_validate_json(_path(corpus_digest, corpus_scheme, test).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def keep_overlap(corpus: Side, overlap: Overlap) -> None:
    """Keep an overlap below ``$MOLBENCH_HOME/overlap``, for later matrices and for results."""
    with replace_file(_path(corpus.digest, corpus.scheme, overlap.test)) as temporary:
        temporary.write_text(overlap.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _path(corpus_digest: str, corpus_scheme: str, test: Side) -> Path:
    parts = (corpus_digest, corpus_scheme, test.digest, test.split_digest)
    return home() / "overlap" / f"{sha256(' '.join(parts).encode()).hexdigest()}.json"
