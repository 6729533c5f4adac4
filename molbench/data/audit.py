"""Does every split scheme of a built dataset separate what it says it separates?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.columns import part_columns, part_folder, read_columns, read_labels
from molbench.data.identity import COLUMNS, first_blocks, identity_digest, identity_keys
from molbench.data.manifest import Manifest, Part
from molbench.data.nearest_train import Nearest, NearestTrain
from molbench.data.splits import expand
from molbench.spec.base import Spec
from molbench.spec.catalogue import DatasetEntry
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS, Scheme

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_SMILES = ("smiles", "a_smiles", "ligand_smiles")


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
        identity_digest: SHA-256 of them, see ``molbench.data.identity.identity_digest``.
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
    unseen: dict[str, int] | None
    nearest: Nearest | None
    problems: list[str]

    @property
    def verdict(self) -> str:
        """One word or two, for tables."""
        if self.problems:
            return "; ".join(self.problems)
        if any(self.shared.values()):
            return "leaks, as declared"
        return "disjoint, declared to leak" if self.leaks else "disjoint"


class PartAudit(Spec):
    """A whole dataset, or one of its subsets.

    Attributes:
        identity: What records were compared by: the dataset's declared identity, or ``id`` where the records
            lack the columns for it.
        unidentified: Records without an identity key; they are compared with nothing.
        labels: Distribution of each target over all records.
    """

    subset: str | None
    records: int
    digest: str
    identity: str
    unidentified: int
    labels: dict[str, Distribution]
    schemes: dict[str, SchemeAudit]


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


def audit(
    folder: Path, *, seed: int = 0, progress: Callable[[str, int, int | None], None] | None = None
) -> Audit:
    """Examine every scheme of a built folder.

    Args:
        folder: The built folder.
        seed: Of the samples that similarities are taken from.
        progress: Told how many schemes are done.

    Raises:
        UserError: If it is not a built dataset, or damaged.
    """
    manifest = Manifest.read(folder)
    entry = DatasetEntry(manifest.dataset_id, folder)
    schemes = expand(entry.splits.schemes)
    total = sum(len(part.schemes) for part in manifest.parts.values())
    done = 0
    parts = []
    for subset, part in manifest.parts.items():
        view = _PartView(part_folder(folder, subset), part, entry.dataset, seed)
        audited = {}
        for name in part.schemes:
            audited[name] = view.scheme(name, schemes[name])
            done += 1
            if progress is not None:
                progress("schemes", done, total)
        parts.append(
            PartAudit(
                subset=subset,
                records=part.records,
                digest=part.digest,
                identity=view.identity,
                unidentified=view.keys.null_count,
                labels=view.labels(np.arange(part.records)),
                schemes=audited,
            )
        )
    return Audit(
        dataset=manifest.dataset_id,
        version=manifest.version,
        partial=manifest.partial,
        digest=manifest.digest,
        parts=parts,
    )


class _PartView:
    """What the schemes of one part are examined with."""

    def __init__(self, folder: Path, part: Part, dataset: Dataset, seed: int) -> None:
        self._folder, self._part = folder, part
        there = part_columns(folder, part)
        declared: str = dataset.identity
        self.identity = declared if set(COLUMNS[declared]) <= set(there) else "id"
        # Frames of a trajectory are all the same molecule.
        smiles = next((n for n in _SMILES if n in there and self.identity != "frame"), None)
        molecules = [name for name in ("a_inchikey", "b_inchikey") if name in there]
        wanted = {*COLUMNS[self.identity], *molecules, *dataset.targets, *([smiles] if smiles else [])}
        table = read_columns(folder, part, [name for name in there if name in wanted])
        self.keys = identity_keys(table, self.identity)
        self._sides = [first_blocks(table.column(name).combine_chunks()) for name in molecules]
        self._nearest = NearestTrain(table.column(smiles).to_pylist(), seed) if smiles else None
        self._targets = {
            name: pc.cast(table.column(name), pa.float64()).to_numpy()
            for name in dataset.targets
            if name in there
        }

    def labels(self, rows: np.ndarray) -> dict[str, Distribution]:
        return {name: found for name, v in self._targets.items() if (found := _distribution(v[rows]))}

    def scheme(self, name: str, scheme: Scheme) -> SchemeAudit:
        labels = read_labels(self._folder, name)
        rows = {split: np.flatnonzero(labels == split) for split in SPLITS}
        keys = {split: self.keys.take(pa.array(found)) for split, found in rows.items()}
        shared = {f"{a}/{b}": len(_shared(keys[a], keys[b])) for a, b in combinations(SPLITS, 2)}
        everything = scheme.generator == "everything"
        problems = [f"{split} is empty" for split in SPLITS if not rows[split].size and not everything]
        if any(shared.values()) and not scheme.leaks:
            told = ", ".join(f"{count:,} of {pair}" for pair, count in shared.items() if count)
            problems.append(f"LEAKS, and no leak is declared: shared keys: {told}")
        trained = pa.concat_arrays([keys["train"], keys["validation"]])
        return SchemeAudit(
            generator=scheme.generator,
            parameters=scheme.parameters,
            description=scheme.description,
            source=scheme.source,
            leaks=scheme.leaks,
            digest=self._part.schemes[name].digest,
            parent=self._part.digest,
            splits={split: self._split(keys[split], rows[split]) for split in SPLITS},
            shared=shared,
            leaking=int(_member(keys["test"], trained).sum()),
            unseen=self._unseen(rows) if self._sides else None,
            nearest=self._nearest(rows["train"], rows["test"]) if self._nearest else None,
            problems=problems,
        )

    def _split(self, keys: pa.Array, rows: np.ndarray) -> SplitAudit:
        return SplitAudit(
            records=rows.size,
            identities=len(pc.unique(keys.drop_null())),
            identity_digest=identity_digest(keys),
            labels=self.labels(rows),
        )

    def _unseen(self, rows: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Test pairs by how many of their molecules no training pair has, on either side."""
        trained = pa.concat_arrays([side.take(pa.array(rows["train"])) for side in self._sides])
        missing = sum(
            (~_member(side.take(pa.array(rows["test"])), trained)).astype(int) for side in self._sides
        )
        counts = np.bincount(missing, minlength=3)
        return {"neither": int(counts[0]), "one": int(counts[1]), "both": int(counts[2])}


def _member(keys: pa.Array, among: pa.Array) -> np.ndarray:
    """Whether each key is also among others; one that is null never is."""
    found: np.ndarray = pc.is_in(keys, value_set=among.drop_null()).to_numpy(zero_copy_only=False)
    return found


def _shared(a: pa.Array, b: pa.Array) -> pa.Array:
    return pc.unique(a.filter(pa.array(_member(a, b))))


def _distribution(values: np.ndarray) -> Distribution | None:
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    return Distribution(
        records=values.size,
        mean=float(values.mean()),
        std=float(values.std()),
        quantiles=np.quantile(values, QUANTILES).tolist(),
    )
