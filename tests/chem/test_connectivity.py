import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.chem.connectivity import connectivity_key


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
