"""2-D features of the pair encoders."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molbench.chem.features import ATOM_BITS, BOND_BITS, MASS_COLUMN, features, masses
from tests.golden_files import read_golden

SMILES = (
    "O",
    "CCO",
    "c1ccccc1O",
    "C[C@H](N)C(=O)O",
    "C/C=C/C",
    "[O-][N+](=O)c1ccccc1",
    "[He]",
    "[Cu+2]",
    "[CH3]",
)
# First column and width of every block in which exactly one bit is set.
ONE_HOT = {
    "interaction": [(0, 17), (17, 4), (21, 2), (23, 7), (30, 3), (33, 5), (44, 5), (49, 2), (52, 2), (54, 2)],
    "drug": [(0, 101), (101, 7), (108, 6), (114, 5), (119, 6), (125, 6)],
}
ONE_HOT_BONDS = {"interaction": [(0, 4), (6, 4)], "drug": [(1, 4), (7, 7)]}

molecule = st.builds(
    lambda smiles, hydrogens: (
        Chem.AddHs(Chem.MolFromSmiles(smiles)) if hydrogens else Chem.MolFromSmiles(smiles)
    ),
    st.sampled_from(SMILES),
    st.booleans(),
)
kinds = st.sampled_from(["interaction", "drug"])


def bits(smiles: str, kind: str = "interaction") -> np.ndarray:
    return features(Chem.MolFromSmiles(smiles), kind)[0]


@pytest.mark.parametrize(
    ("fixture", "kind"), [("mrl3d_mi_features", "interaction"), ("mrl3d_ddi_features", "drug")]
)
@pytest.mark.parametrize("graph", ["withH", "noH"])
def test_features_are_those_of_the_original(golden, fixture: str, kind: str, graph: str) -> None:
    expected = read_golden(golden, fixture)
    atoms, bonds, edges = [], [], []
    for smiles in expected.info["smiles"]:
        mol = Chem.MolFromSmiles(smiles)
        mol = Chem.AddHs(mol) if graph == "withH" else mol
        x, e = (part.astype(np.float64) for part in features(mol, kind))
        if kind == "drug":
            x[:, MASS_COLUMN] = masses(mol) * 0.01
        pairs = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]).reshape(-1, 2)
        both = np.concatenate([pairs, pairs[:, ::-1]])
        order = np.lexsort((both[:, 1], both[:, 0]))  # the original lists both directions, sorted
        atoms.append(x)
        edges.append(both[order])
        bonds.append(np.concatenate([e, e])[order])
    assert np.array_equal(np.concatenate(edges).T, expected[f"{graph}_edge_index"])
    assert np.array_equal(np.concatenate(bonds), expected[f"{graph}_edge_attr"])
    assert np.abs(np.concatenate(atoms) - expected[f"{graph}_x"].numpy()).max() < (
        1e-6 if kind == "drug" else 1e-9
    )


@settings(deadline=None, max_examples=40)
@given(mol=molecule, kind=kinds)
def test_every_block_has_exactly_one_bit(mol: Chem.Mol, kind: str) -> None:
    atoms, bonds = features(mol, kind)
    assert atoms.shape == (mol.GetNumAtoms(), ATOM_BITS[kind])
    assert bonds.shape == (mol.GetNumBonds(), BOND_BITS[kind])
    assert all((atoms[:, start : start + width].sum(axis=1) == 1).all() for start, width in ONE_HOT[kind])
    assert all(
        (bonds[:, start : start + width].sum(axis=1) == 1).all() for start, width in ONE_HOT_BONDS[kind]
    )


@settings(deadline=None, max_examples=40)
@given(mol=molecule, kind=kinds, data=st.data())
def test_features_follow_a_renumbering_of_the_atoms(mol: Chem.Mol, kind: str, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(mol.GetNumAtoms())))
    assert np.array_equal(features(Chem.RenumberAtoms(mol, order), kind)[0], features(mol, kind)[0][order])


@settings(deadline=None, max_examples=20)
@given(smiles=st.sampled_from(SMILES), kind=kinds)
def test_hydrogens_stand_behind_the_skeleton(smiles: str, kind: str) -> None:
    skeleton = Chem.MolFromSmiles(smiles)
    with_hydrogens = Chem.AddHs(skeleton)
    numbers = [atom.GetAtomicNum() for atom in with_hydrogens.GetAtoms()]
    n, m = skeleton.GetNumAtoms(), skeleton.GetNumBonds()
    assert numbers[:n] == [atom.GetAtomicNum() for atom in skeleton.GetAtoms()] and set(numbers[n:]) <= {1}
    assert np.array_equal(features(with_hydrogens, kind)[1][:m], features(skeleton, kind)[1])


def test_unknown_values_count_as_the_last_choice() -> None:
    assert bits("[Cu+2]")[0, 16] and bits("I")[0, 16]  # an element outside the list, and the last of it
    assert bits("[Cu+2]")[0, 32] and bits("C[N+](C)(C)C")[1, 32]  # any charge above 1, and 1
    assert bits("C")[0, 20]  # four implicit hydrogens, and three
    assert bits("[Cu+2]", "drug")[0, 111] and not bits("[Cu+2]", "drug")[0, 113]
    assert bits("[Fe+3]", "drug")[0, 113]


def test_only_an_r_centre_does_not_carry_the_s_bit() -> None:
    assert bits("C[C@H](N)C(=O)O")[:, 50].all()
    right = bits("C[C@@H](N)C(=O)O")
    assert np.flatnonzero(right[:, 49]).tolist() == [1] and not right[1, 50]


def test_acids_bases_halogens_acceptors_and_donors() -> None:
    acidic, basic, halogen, aromatic, acceptor, donor = range(38, 44)
    assert bits("CC(=O)O")[1, acidic] and bits("CC(=O)O")[3, donor]
    assert bits("CCN")[2, basic] and bits("CCCl")[2, halogen] and bits("CC=O")[2, acceptor]
    assert bits("c1ccccc1")[:, aromatic].all()


def test_mass_of_an_isotope() -> None:
    assert masses(Chem.MolFromSmiles("[2H]C"))[0] == pytest.approx(2.014, abs=1e-3)
