"""No test molecule is similar to any molecule that was trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molbench.chem.fingerprint import morgan
from molbench.chem.inchikeys import inchikey
from molbench.chem.similarity import components
from molbench.data.build.splits.assign import splitter
from molbench.data.build.splits.groups import group_codes, whole_groups
from molbench.errors import UserError


@splitter("similarity", small={"threshold": 0.9, "fractions": [0.8, 0.1, 0.1], "seed": 0})
def similarity(
    keys: pa.Table,
    *,
    threshold: float,
    fractions: Sequence[float],
    seed: int,
    column: str | None = None,
    **_: Any,
) -> np.ndarray:
    """Whole similarity clusters on one side, so that every similarity across is below ``threshold``.

    Clusters are the connected components of the graph that joins molecules whose Tanimoto similarity (Morgan
    fingerprints, radius 2, 2,048 bits) is ``threshold`` or more; hence the bound is exact for every pair of
    molecules in different splits, validation included. Clusters that share the first block of an InChIKey are
    one. A low threshold joins most of a dataset into one
    cluster: it goes to train, and test is then made of the outliers. The order of the records does not
    matter.

    Args:
        keys: Needs ``column``.
        threshold: Tanimoto similarity between 0 and 1.
        fractions: Wanted shares of train, validation and test, in records.
        seed: Seed of the draw of clusters.
        column: SMILES to compare by; ``smiles``, or in pairs ``a_smiles``, by default. A record without one
            that can be read is like no other.

    Raises:
        UserError: If the records have no SMILES, or ``threshold`` is not between 0 and 1.
    """
    if not 0 < threshold <= 1:
        raise UserError(f"threshold {threshold} is no Tanimoto similarity above 0 and up to 1")
    codes, smiles = group_codes(keys, column, ["smiles", "a_smiles"], "a similarity split")
    clusters = _joined(components(morgan(smiles), threshold), smiles)
    return whole_groups(clusters[codes], fractions, seed)


def _joined(clusters: np.ndarray, smiles: Sequence[str | None]) -> np.ndarray:
    """Clusters that hold the same molecule made one: tautomers need not look alike to a fingerprint."""
    keys = [key and key[:14] for key in map(inchikey, smiles)]
    names = [key or f"unreadable:{i}" for i, key in enumerate(keys)]
    molecules = np.unique(names, return_inverse=True)[1]
    size = int(clusters.max()) + 1
    edges = np.ones(clusters.size, dtype=bool), (clusters, size + molecules)
    total = size + int(molecules.max()) + 1
    joined = connected_components(coo_array(edges, shape=(total, total)), directed=False)[1]
    of_clusters: np.ndarray = joined[clusters]
    return of_clusters
