"""Angles and dihedrals are all there, once, and have the values RDKit gives them."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from molbench.methods.parts.internal import angles, bond_paths, dihedrals, lengths, wrapped


@pytest.fixture(scope="module", params=["CC(=O)OCC1CC1", "C1CCC1", "O", "[H][H]"])
def molecule(request: pytest.FixtureRequest) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(request.param))
    assert AllChem.EmbedMolecule(mol, randomSeed=3) == 0
    return mol


def test_every_path_of_bonds_is_found_once(molecule: Chem.Mol) -> None:
    bonds = torch.tensor([[b.GetEndAtomIdx(), b.GetBeginAtomIdx()] for b in molecule.GetBonds()])
    triples, quadruples = bond_paths(bonds, molecule.GetNumAtoms())
    neighbors = {a.GetIdx(): [n.GetIdx() for n in a.GetNeighbors()] for a in molecule.GetAtoms()}
    expected = {(i, a, j) for a, ends in neighbors.items() for i, j in combinations(sorted(ends), 2)}
    assert sorted(map(tuple, triples.tolist())) == sorted(expected)
    expected = {
        (i, a, b, j)
        for a in neighbors
        for b in neighbors[a]
        if a < b
        for i in neighbors[a]
        for j in neighbors[b]
        if i != b and j != a and i != j
    }
    assert sorted(map(tuple, quadruples.tolist())) == sorted(expected)


def test_values_of_a_real_molecule(molecule: Chem.Mol) -> None:
    bonds = torch.tensor([[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in molecule.GetBonds()])
    triples, quadruples = bond_paths(bonds, molecule.GetNumAtoms())
    conformer = molecule.GetConformer()
    positions = torch.tensor(conformer.GetPositions())
    for actual, function, indices in (
        (lengths(positions, bonds), rdMolTransforms.GetBondLength, bonds),
        (angles(positions, triples), rdMolTransforms.GetAngleRad, triples),
        (dihedrals(positions, quadruples), rdMolTransforms.GetDihedralRad, quadruples),
    ):
        expected = torch.tensor(
            [function(conformer, *atoms) for atoms in indices.tolist()], dtype=torch.float64
        )
        torch.testing.assert_close(wrapped(actual - expected), torch.zeros_like(actual), rtol=0, atol=1e-9)
    stacked = torch.stack([positions, positions + 1])
    torch.testing.assert_close(dihedrals(stacked, quadruples)[1], dihedrals(positions, quadruples))


def test_the_shorter_way_round() -> None:
    actual = wrapped(torch.tensor([0.1, 2 * math.pi - 0.1, -math.pi - 0.2], dtype=torch.float64))
    torch.testing.assert_close(actual, torch.tensor([0.1, -0.1, math.pi - 0.2], dtype=torch.float64))
