from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from molbench.data.leakage.exclude_molecules import exclude
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue

# By the scheme "size" butanol and toluene, the two of the most heavy atoms, are the test molecules.
LABELLED = ["O", "CO", "CC", "CCO", "CCC", "CCN", "CCCCO", "Cc1ccccc1"]
UNLABELLED = ["OCCCC", "CCOCC", "C1=CC=C(C)C=C1", "CC(C)CO", "CCO"]


@pytest.mark.parametrize(("with_smiles", "identity"), [(True, "inchikey"), (False, "connectivity")])
def test_test_molecules_go_however_they_are_written(
    build_molecules: Callable[..., Path], with_smiles: bool, identity: str
) -> None:
    build_molecules("labelled", LABELLED)
    folder = build_molecules("unlabelled", UNLABELLED, with_smiles=with_smiles, seed=50)
    store = Store.open(folder)
    rows, done = exclude(store, np.arange(5)[::-1].copy(), Catalogue.load().tasks(["labelled/*"]))
    assert rows.tolist() == [
        4,
        3,
        1,
    ]  # ethanol is in training, the ether and isobutanol are isomers of butanol
    assert (done.records, done.tasks, done.identities) == (
        2,
        ("labelled/size",),
        (f"labelled@size: {identity}",),
    )


def test_stereoisomers_count_as_one_molecule(build_molecules: Callable[..., Path]) -> None:
    build_molecules("labelled", ["C", "O", "N", "C[C@H](N)C(=O)O"])
    store = Store.open(build_molecules("unlabelled", ["C[C@@H](N)C(=O)O", "CC", "C", "CCC"]))
    rows, _ = exclude(store, np.arange(4), Catalogue.load().tasks(["labelled/*"]))
    assert rows.tolist() == [1, 2, 3]


def test_nothing_left_and_nothing_built(build_molecules: Callable[..., Path]) -> None:
    build_molecules("labelled", LABELLED)
    store = Store.open(build_molecules("unlabelled", UNLABELLED))
    catalogue = Catalogue.load()
    with pytest.raises(UserError, match="all 1 molecules of unlabelled are test molecules"):
        exclude(store, np.array([0]), catalogue.tasks(["labelled/*"]))
    with pytest.raises(UserError, match="run `molbench data build qm9`"):
        exclude(store, np.arange(5), catalogue.tasks(["qm9/homo"]))
