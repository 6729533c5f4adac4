import pytest
from rdkit import Chem

from molbench.generate import enumeration
from molbench.generate.enumeration import enumerate_molecules, is_sensible


@pytest.fixture(scope="module")
def molecules():
    return enumerate_molecules(0)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(enumeration, "QUOTA", {1: 4, 3: 10, 7: 30})


def test_same_seed_gives_the_same_list(small):
    assert enumerate_molecules(7) == enumerate_molecules(7)
    assert enumerate_molecules(7) != enumerate_molecules(8)


@pytest.mark.slow
def test_molecules_are_neutral_closed_shells_of_up_to_seven_heavy_atoms(molecules):
    for smiles in molecules:
        mol = Chem.MolFromSmiles(smiles)
        assert 1 <= mol.GetNumAtoms() <= 7
        for atom in mol.GetAtoms():
            assert atom.GetSymbol() in enumeration.VALENCE
            assert atom.GetFormalCharge() == 0
            assert atom.GetNumRadicalElectrons() == 0
            assert atom.GetTotalValence() == enumeration.VALENCE[atom.GetSymbol()]


@pytest.mark.slow
def test_smiles_are_canonical_and_distinct(molecules):
    assert len(set(molecules)) == len(molecules) > 2_000
    assert all(Chem.CanonSmiles(smiles) == smiles for smiles in molecules)


def test_small_sizes_are_complete_and_large_ones_fill_their_quota(molecules):
    sizes = [Chem.MolFromSmiles(smiles).GetNumAtoms() for smiles in molecules]
    assert [sizes.count(size) for size in (5, 6, 7)] == [enumeration.QUOTA[size] for size in (5, 6, 7)]
    # The hydrides, and every bond order between two atoms that survives the filters.
    assert {"C", "N", "O", "F"} <= set(molecules)
    pairs = {"CC", "C=C", "C#C", "CN", "C=N", "C#N", "NN", "N=N", "N#N", "CO", "C=O", "NO", "N=O", "CF"}
    assert {smiles for smiles, size in zip(molecules, sizes, strict=True) if size == 2} == pairs


def test_aromatic_rings_and_fluorine_are_present(molecules):
    assert {"c1ccccc1", "c1ccoc1"} <= set(molecules)
    assert sum("F" in smiles for smiles in molecules) > 100


@pytest.mark.parametrize(
    "smiles", ["OO", "FO", "NF", "NNN", "OCO", "C=CO", "C1#CC1", "C1=CC=C1", "C1C2=C1C2", "N1=NN1"]
)
def test_unstable_graphs_are_refused(smiles):
    assert not is_sensible(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize("smiles", ["O=C=O", "CC(=O)N", "c1nn[nH]n1", "NN", "C1CC2CC12", "FC(F)F", "C=C=C"])
def test_ordinary_graphs_are_accepted(smiles):
    assert is_sensible(Chem.MolFromSmiles(smiles))
