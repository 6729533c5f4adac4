"""Records that share something are found to share it, and nothing else."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.read.clusters import cluster_names
from molbench.data.read.store import Store
from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue

ETHANOL, METHANOL = "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "OKKJLVBELUTLKV-UHFFFAOYSA-N"


def _store(ordered: bool = True, **columns: list) -> Store:
    ids = [f"r{i}" for i in range(len(next(iter(columns.values()))))]
    store = Store(Path("d"), None, {}, pa.RecordBatch.from_pydict({"id": ids, **columns}))
    store.dataset = SimpleNamespace(ordered=ordered)
    store.record = RECORD_KINDS["pair" if "a_smiles" in columns else "molecule"]
    return store


def _names(store: Store, *kinds: str) -> list[list[str]]:
    return cluster_names(store, np.arange(len(store)), kinds)


def test_independent_records_share_nothing() -> None:
    assert _names(_store(smiles=["C", "C"])) == [[], []]


def test_solute_and_solvent_cross_and_stereoisomers_are_one() -> None:
    store = _store(
        a_inchikey=[ETHANOL, "LFQSCWFLJHTTHZ-ABCDEFGHIJ-N", None],
        b_inchikey=[METHANOL, METHANOL, ETHANOL],
    )
    assert _names(store, "solute", "solvent") == [
        ["solute:LFQSCWFLJHTTHZ", "solvent:OKKJLVBELUTLKV"],
        ["solute:LFQSCWFLJHTTHZ", "solvent:OKKJLVBELUTLKV"],
        ["solute:record r2", "solvent:LFQSCWFLJHTTHZ"],
    ]


def test_a_drug_is_the_same_on_either_side() -> None:
    store = _store(ordered=False, a_smiles=["CO", "CCO", "CO"], b_smiles=["CCO", "CO", "CO"])
    first, second, itself = _names(store, "drug")
    assert set(first) == set(second) == {"drug:CO", "drug:CCO"}
    assert itself == ["drug:CO"]


@pytest.mark.parametrize(("ordered", "shared"), [(True, 1), (False, 2)])
def test_scaffolds_of_pairs_are_those_of_the_sides_that_count(ordered: bool, shared: int) -> None:
    store = _store(ordered, a_smiles=["Cc1ccccc1", "CCC"], b_smiles=["C1CCOC1", "CCO"])
    names = _names(store, "scaffold")
    assert names == [
        ["scaffold:c1ccccc1", "scaffold:C1CCOC1"][:shared],
        ["scaffold:CCC", "scaffold:CCO"][:shared],
    ]


def test_acyclic_and_unreadable_molecules_share_no_scaffold() -> None:
    names = _names(
        _store(smiles=["CCC", "CCO", "not a molecule", None, "Cc1ccccc1", "Oc1ccccc1"]), "scaffold"
    )
    assert len({name for (name,) in names}) == 5
    assert names[4] == names[5]


def test_blocks_are_contiguous_in_time_and_equal_in_length() -> None:
    frames = np.random.default_rng(0).permutation(1000)[:150]
    names = [name for (name,) in _names(_store(frame=frames.tolist()), "block")]
    sizes = Counter(names)
    assert len(sizes) == 12 and max(sizes.values()) - min(sizes.values()) <= 1
    in_time = [names[i] for i in np.argsort(frames)]
    assert sum(a != b for a, b in pairwise(in_time)) == 11


def test_a_cluster_without_its_column_is_named() -> None:
    with pytest.raises(UserError, match="share a 'protein', and there is no column group"):
        _names(_store(smiles=["C"]), "protein")
    with pytest.raises(UserError, match="no 'frame'"):
        _names(_store(smiles=["C"]), "block")


BUILT = [ref for ref in Catalogue.load().tasks(["*/*@*"]) if ref.dataset.embedded]


@pytest.mark.slow
@pytest.mark.parametrize("ref", BUILT, ids=lambda ref: ref.id)
def test_embedded_records_have_the_clusters_that_are_declared(ref) -> None:
    store = Store.open(ref.folder, ref.subset)
    rows = store.rows(ref.split_name, "test")
    kinds = ref.entry.splits.clusters_of(ref.scheme_name)
    names = cluster_names(store, rows, kinds)
    assert all([name.partition(":")[0] for name in own] == list(kinds) for own in names)
    for column, kind in enumerate(kinds):
        # Something is shared, or the declaration says nothing.
        assert len({own[column] for own in names}) < len(rows), kind
