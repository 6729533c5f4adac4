"""Seeded conformers."""

import numpy as np
import pytest
from rdkit import Chem

from molbench.chem import conformers
from molbench.chem.conformers import embed_conformer, set_apart


def molecule(smiles: str) -> Chem.Mol:
    return Chem.AddHs(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "CC(=O)Nc1ccccc1", "[Na+].[Cl-]", "O"])
def test_the_same_seed_gives_the_same_conformer(smiles: str) -> None:
    mol = molecule(smiles)
    first, second = embed_conformer(mol), embed_conformer(molecule(smiles))
    assert first.outcome == "etkdg"
    assert first.positions.shape == (mol.GetNumAtoms(), 3) and first.positions.dtype == np.float32
    assert np.array_equal(first.positions, second.positions)
    assert mol.GetNumConformers() == 0  # it is left as it was


SALTS = [
    *(
        "[Na+].[Cl-]",
        "[NH4+].[Cl-]",
        "CC(=O)[O-].[Na+]",
        "O.O.O.O",
        "C[NH3+].[Br-].O",
        "[K+].[K+].[O-]S(=O)(=O)[O-]",
    ),
    *("c1ccccc1.c1ccccc1", "OC(=O)CC(O)(CC(O)=O)C(O)=O.CCO"),
]


@pytest.mark.parametrize("smiles", SALTS)
@pytest.mark.parametrize("seed", [0, 7])
def test_fragments_are_set_apart_and_each_keeps_its_shape(smiles: str, seed: int) -> None:
    mol = molecule(smiles)
    conformer = embed_conformer(mol, seed)
    fragments = Chem.GetMolFrags(mol)
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRvdw(atom.GetAtomicNum()) for atom in mol.GetAtoms()])
    gaps = (
        np.linalg.norm(conformer.positions[:, None] - conformer.positions, axis=-1) - radii[:, None] - radii
    )
    for i, one in enumerate(fragments):
        for other in fragments[:i]:
            assert gaps[np.ix_(one, other)].min() >= 3 - 1e-4
    nearest = [min(gaps[np.ix_(f, g)].min() for g in fragments if g is not f) for f in fragments]
    assert max(nearest) < 12  # beside each other, not scattered
    alone = [embed_conformer(part, seed) for part in Chem.GetMolFrags(mol, asMols=True)]
    assert [len(part.positions) for part in alone] == [len(fragment) for fragment in fragments]
    for atoms, part in zip(fragments, alone, strict=True):
        here, there = conformer.positions[list(atoms)], part.positions
        bonded = Chem.GetAdjacencyMatrix(mol)[np.ix_(atoms, atoms)].astype(bool)
        distances = np.linalg.norm(here[:, None] - here, axis=-1)[bonded]
        assert np.allclose(distances, np.linalg.norm(there[:, None] - there, axis=-1)[bonded], atol=0.15)


def test_one_fragment_stays_where_it_was_embedded() -> None:
    positions = np.random.default_rng(0).normal(size=(9, 3))
    assert np.array_equal(set_apart(molecule("CCO"), positions), positions)


def test_atoms_in_one_place_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformers, "set_apart", lambda _mol, positions: positions * 0)
    result = embed_conformer(molecule("CCO"))
    assert result.positions.shape == (0, 3) and result.outcome.startswith("failed: atoms ")


def test_another_seed_gives_another_one() -> None:
    assert not np.array_equal(
        embed_conformer(molecule("CCCCO"), 0).positions, embed_conformer(molecule("CCCCO"), 1).positions
    )


def test_bonds_have_the_length_of_bonds() -> None:
    mol = molecule("CC(=O)Nc1ccccc1")
    positions = embed_conformer(mol).positions
    ends = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()])
    lengths = np.linalg.norm(positions[ends[:, 0]] - positions[ends[:, 1]], axis=1)
    assert lengths.min() > 0.9 and lengths.max() < 1.7


def test_a_molecule_that_cannot_be_embedded_says_why() -> None:
    result = embed_conformer(molecule("C1#CC1"))
    assert result.positions.shape == (0, 3)
    assert result.outcome.startswith("failed: ") and len(result.outcome) > len("failed: ")
    assert embed_conformer(Chem.Mol()).outcome == "failed: no atoms"


def test_random_coordinates_where_the_usual_start_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformers, "_ATTEMPTS", {"random": 20})
    assert embed_conformer(molecule("CCO")).outcome == "random"
