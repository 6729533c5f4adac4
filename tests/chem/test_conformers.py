"""Seeded conformers."""

import numpy as np
import pytest
from rdkit import Chem

from molbench.chem import conformers
from molbench.chem.conformers import embed


def molecule(smiles: str) -> Chem.Mol:
    return Chem.AddHs(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1", "[Na+].[Cl-]", "O"])
def test_the_same_seed_gives_the_same_conformer(smiles: str) -> None:
    mol = molecule(smiles)
    first, second = embed(mol), embed(molecule(smiles))
    assert first.outcome == "etkdg"
    assert first.positions.shape == (mol.GetNumAtoms(), 3) and first.positions.dtype == np.float32
    assert np.array_equal(first.positions, second.positions)
    assert mol.GetNumConformers() == 0  # it is left as it was


def test_another_seed_gives_another_one() -> None:
    assert not np.array_equal(embed(molecule("CCCCO"), 0).positions, embed(molecule("CCCCO"), 1).positions)


def test_bonds_have_the_length_of_bonds() -> None:
    mol = molecule("CC(=O)Nc1ccccc1")
    positions = embed(mol).positions
    ends = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()])
    lengths = np.linalg.norm(positions[ends[:, 0]] - positions[ends[:, 1]], axis=1)
    assert lengths.min() > 0.9 and lengths.max() < 1.7


def test_a_molecule_that_cannot_be_embedded_says_why() -> None:
    result = embed(molecule("C1#CC1"))
    assert result.positions.shape == (0, 3)
    assert result.outcome.startswith("failed: ") and len(result.outcome) > len("failed: ")
    assert embed(Chem.Mol()).outcome == "failed: no atoms"


def test_random_coordinates_where_the_usual_start_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformers, "_ATTEMPTS", {"random": 20})
    assert embed(molecule("CCO")).outcome == "random"
