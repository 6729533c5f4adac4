import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.chem.connectivity import connectivity_key, smiles_connectivity
from molbench.chem.fingerprint import bond_graph_morgan
from molbench.chem.similarity import tanimoto


def conformers(smiles: str, count: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMultipleConfs(molecule, count, randomSeed=1)
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    return [(numbers, conformer.GetPositions()) for conformer in molecule.GetConformers()]


@pytest.mark.parametrize(
    "smiles", ["CC(=O)Oc1ccccc1C(=O)O", "NCC(=O)O", "C1CC2CC1C2", "CCCCO", "c1ccoc1", "FC(F)F"]
)
def test_conformers_share_the_key(smiles: str) -> None:
    assert len({connectivity_key(*conformer) for conformer in conformers(smiles)}) == 1


@pytest.mark.parametrize(
    "isomers",
    [
        ["CCO", "COC"],
        ["CCCC", "CC(C)C"],
        ["OC=C", "CC=O"],  # tautomers
        ["C=CC=C", "CC#CC", "C1CC=C1"],
        ["Cc1ccccc1O", "Cc1cccc(O)c1", "Cc1ccc(O)cc1"],
    ],
)
def test_isomers_do_not(isomers: list[str]) -> None:
    assert len({connectivity_key(*conformers(smiles, 1)[0]) for smiles in isomers}) == len(isomers)


def test_saturation_is_told_by_the_hydrogens() -> None:
    assert connectivity_key(*conformers("CC", 1)[0]) != connectivity_key(*conformers("C=C", 1)[0])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_key_ignores_order_rotation_reflection_and_place(seed: int) -> None:
    numbers, positions = conformers("OCC(N)C=O", 1)[0]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(numbers))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    moved = positions[order] @ rotation.T + rng.normal(size=3)
    assert connectivity_key(numbers[order], moved.astype(np.float32)) == connectivity_key(numbers, positions)


def test_key_of_a_lone_atom() -> None:
    assert connectivity_key(np.array([10]), np.zeros((1, 3))) == "[Ne]"


@pytest.mark.parametrize(
    "smiles", ["C", "CCO", "c1ccccc1", "CC(=O)[O-]", "C[N+](=O)[O-]", "N[C@@H](C)C(=O)O", "C#N"]
)
def test_a_drawing_gives_the_bond_graph_of_its_geometry(smiles: str) -> None:
    key = smiles_connectivity(smiles)
    assert key == connectivity_key(*conformers(smiles, 1)[0])
    assert key == smiles_connectivity(Chem.MolToSmiles(Chem.MolFromSmiles(smiles), doRandom=True))


def test_a_drawing_that_cannot_be_read_has_none() -> None:
    assert smiles_connectivity("C1CC") is None


def test_bond_graphs_are_as_similar_as_they_are_alike() -> None:
    texts = ["CCO", "OCC", "CCN", "C=CO", "c1ccccc1", "[H][H]", "[H]"]
    fingerprints = bond_graph_morgan([smiles_connectivity(text) or "" for text in texts])
    similarity = tanimoto(fingerprints, fingerprints)
    assert np.diag(similarity) == pytest.approx(1.0)
    assert similarity[0, 1] == 1.0
    assert 0 < similarity[0, 3] < 1  # hydrogens tell a double bond from a single one
    assert similarity[0, 2] > similarity[0, 4] >= 0
