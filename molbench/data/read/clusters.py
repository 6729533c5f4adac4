"""Names of what records share, from the columns of a built dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.splits import Cluster

#: Columns that name a cluster, the best one first; two lists where a record has two clusters of that kind.
_COLUMNS: dict[Cluster, tuple[tuple[str, ...], ...]] = {
    "molecule": (("inchikey", "group", "smiles"),),
    "protein": (("group",),),
    "partner": (("group",),),
    "ligand": (("ligand_smiles",),),
    "solute": (("a_inchikey", "a_smiles"),),
    "chromophore": (("a_inchikey", "a_smiles"),),
    "solvent": (("b_inchikey", "b_smiles"),),
    "drug": (("a_inchikey", "a_smiles"), ("b_inchikey", "b_smiles")),
}


def cluster_names(store: Store, rows: np.ndarray, kinds: Sequence[Cluster]) -> list[list[str]]:
    """Clusters of some records, each ``kind:name``, such as ``solute:LFQSCWFLJHTTHZ``.

    Molecules are told apart by the first block of their InChIKeys, so that stereoisomers are one. What has no
    name is a cluster of its own.

    Args:
        store: The records.
        rows: Which, [m]; all test records of a split, so that stretches of a trajectory are as long as they
            should be.
        kinds: What they may share, as the split scheme declares it.

    Returns:
        One list a record; empty where ``kinds`` is.

    Raises:
        UserError: If the records lack the columns.
    """
    names: list[list[str]] = [[] for _ in rows]
    for kind in kinds:
        for column in _columns(store, rows, kind):
            for record_names, name in zip(names, column, strict=True):
                if (full := f"{kind}:{name}") not in record_names:
                    record_names.append(full)
    return names


def _columns(store: Store, rows: np.ndarray, kind: Cluster) -> list[list[str]]:
    if kind == "block":
        return [_blocks(store, rows)]
    if kind == "scaffold":
        return _scaffolds(store, rows)
    return [_named(store, rows, columns, kind) for columns in _COLUMNS[kind]]


def _named(store: Store, rows: np.ndarray, columns: Sequence[str], kind: str) -> list[str]:
    """The first column there is, and the record's own id where it is empty."""
    present = [name for name in columns if name in store.table.schema.names]
    if not present:
        raise UserError(
            f"{store.subset_folder}: splits.yaml says that test records share a '{kind}', "
            f"and there is no column {' or '.join(columns)}"
        )
    take = pa.array(rows)
    values = store.column(present[0]).take(take).to_pylist()
    if present[0].endswith("inchikey"):
        values = [key and key.partition("-")[0] for key in values]
    ids = store.ids.take(take).to_pylist()
    return [value or f"record {identifier}" for value, identifier in zip(values, ids, strict=True)]


def _scaffolds(store: Store, rows: np.ndarray) -> list[list[str]]:
    """Murcko scaffolds of the molecule, of the first of an ordered pair, or of both of an unordered one.

    Acyclic molecules share no ring system; each is a scaffold of its own.
    """
    from molbench.chem.scaffold import murcko_scaffold

    sides = list(store.record.smiles.items())
    result = []
    for column, key in sides[:1] if store.ordered else sides:
        smiles = _named(store, rows, [column], "scaffold")
        molecules = _named(store, rows, [key, column] if key else [column], "scaffold")
        known = {text: murcko_scaffold(text) for text in set(smiles)}
        result.append([known[text] or molecule for text, molecule in zip(smiles, molecules, strict=True)])
    return result


def _blocks(store: Store, rows: np.ndarray) -> list[str]:
    """Stretches of equal numbers of frames, as many as the root of the number of frames.

    Means of so many batches of a stationary series give a consistent variance of its mean (Flegal and Jones,
    Ann. Stat. 38, 1034 (2010)).
    """
    if "frame" not in store.table.schema.names:
        raise UserError(
            f"{store.subset_folder}: splits.yaml says that test records share a 'block', "
            "and they have no 'frame'"
        )
    frames = store.column("frame").take(pa.array(rows)).to_numpy()
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.argsort(frames, kind="stable")] = np.arange(len(rows))
    blocks = rank * int(np.sqrt(len(rows))) // len(rows)
    return blocks.astype(str).tolist()
