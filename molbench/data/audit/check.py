"""Does every split scheme of a built dataset separate what it says it separates?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.audit.nearest_train import NearestTrain
from molbench.data.audit.result import QUANTILES, Audit, Distribution, PartAudit, SchemeAudit, SplitAudit
from molbench.data.build.splits import expand
from molbench.data.folder.columns import part_columns, read_columns, read_labels
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, Part
from molbench.data.folder.record_identity import COLUMNS, first_blocks, identity_digest, identity_keys
from molbench.data.records import SMILES
from molbench.progress import ProgressCallback
from molbench.spec.catalogue import DatasetEntry
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS, Scheme


def audit_folder(folder: Path, *, seed: int = 0, progress: ProgressCallback | None = None) -> Audit:
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
    total = sum(len(part.schemes) for part in manifest.by_subset.values())
    done = 0
    parts = []
    for subset, part in manifest.by_subset.items():
        view = _PartView(subset_folder(folder, subset), part, entry.dataset, seed)
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
                ordered=view.ordered,
                unidentified=view.keys.null_count,
                labels=view.labels(np.arange(part.records)),
                schemes=audited,
                left_out=part.left_out,
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
        self.ordered = self.identity == "pair" and dataset.ordered
        smiles = next((n for n in SMILES if n in there and self.identity != "frame"), None)
        molecules = [name for name in COLUMNS["pair"] if name in there]
        columns = {*COLUMNS[self.identity], *molecules, *dataset.targets, *([smiles] if smiles else [])}
        table = read_columns(folder, part, [name for name in there if name in columns])
        self.keys = identity_keys(table, self.identity, ordered=self.ordered)
        self._swapped = _swapped_keys(table) if self.ordered else None
        self._sides = [first_blocks(table.column(name).combine_chunks()) for name in molecules]
        self._nearest = NearestTrain(table.column(smiles).combine_chunks(), seed) if smiles else None
        self._targets = {
            name: pc.cast(table.column(name), pa.float64()).to_numpy()
            for name in dataset.targets
            if name in there
        }

    def labels(self, rows: np.ndarray) -> dict[str, Distribution]:
        return {
            name: distribution
            for name, v in self._targets.items()
            if (distribution := _distribution(v[rows]))
        }

    def scheme(self, name: str, scheme: Scheme) -> SchemeAudit:
        labels = read_labels(self._folder, name)
        rows = {split: np.flatnonzero(labels == split) for split in SPLITS}
        keys = {split: self.keys.take(pa.array(members)) for split, members in rows.items()}
        shared = {f"{a}/{b}": len(_shared(keys[a], keys[b])) for a, b in combinations(SPLITS, 2)}
        everything = scheme.generator == "everything"
        problems = [f"{split} is empty" for split in SPLITS if not rows[split].size and not everything]
        if any(shared.values()) and not scheme.leaks:
            counted = ", ".join(f"{count:,} of {pair}" for pair, count in shared.items() if count)
            problems.append(f"LEAKS, and no leak is declared: identity keys in common: {counted}")
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
            reversed=self._reversed(rows["test"], trained),
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

    def _reversed(self, test: np.ndarray, trained: pa.Array) -> int | None:
        if self._swapped is None:
            return None
        same = pc.equal(self._swapped, self.keys).take(pa.array(test)).to_numpy(zero_copy_only=False)
        there = _member(self._swapped.take(pa.array(test)), trained)
        return int((there & ~same.astype(bool)).sum())

    def _unseen(self, rows: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Test pairs by how many of their molecules no training pair has, on either side."""
        trained = pa.concat_arrays([side.take(pa.array(rows["train"])) for side in self._sides])
        missing = sum(
            (~_member(side.take(pa.array(rows["test"])), trained)).astype(int) for side in self._sides
        )
        counts = np.bincount(missing, minlength=3)
        return {"neither": int(counts[0]), "one": int(counts[1]), "both": int(counts[2])}


def _swapped_keys(table: pa.Table) -> pa.Array:
    """Identity keys of the pairs the other way round."""
    first, second = COLUMNS["pair"]
    other = {first: second, second: first}
    turned = table.rename_columns([other.get(name, name) for name in table.column_names])
    return identity_keys(turned, "pair", ordered=True)


def _member(keys: pa.Array, among: pa.Array) -> np.ndarray:
    """Whether each key is also among others; one that is null never is."""
    is_member: np.ndarray = pc.is_in(keys, value_set=among.drop_null()).to_numpy(zero_copy_only=False)
    return is_member


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
