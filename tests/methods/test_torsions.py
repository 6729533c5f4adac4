"""Bonds that turn are found as by Frad's pattern, and turning them changes nothing but dihedral angles."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.torsions import cuts, rotatable_cuts, rounds, smaller_side, twist
from tests.golden_files import read_golden

SMILES = (
    "CCOC(=O)c1ccccc1",
    "CC(N)C(=O)NCC#N",
    "C=CC(C)=CC(=O)C",
    "c1ccccc1-c1ccncc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN(C)N=Nc1ccc(OC)cc1",
    "CC#CCCC#N",
    "C1CC1C1CCC1CO",
    "O=[N+]([O-])c1ccc(CCF)cc1",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)NCCO",
    "CC=NOCC",
    "C",
    "O",
)


def molecule(smiles: str) -> tuple[Chem.Mol, MoleculeBatch]:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
    AllChem.MMFFOptimizeMolecule(mol)
    numbers = torch.tensor([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    bonds = [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in mol.GetBonds()]
    positions = torch.tensor(mol.GetConformer().GetPositions())
    pairs = torch.tensor(bonds, dtype=torch.int64).view(-1, 2)
    return mol, MoleculeBatch(numbers, positions, torch.tensor([0, len(numbers)]), bonds=pairs)


@pytest.fixture(scope="module")
def molecules() -> list[tuple[Chem.Mol, MoleculeBatch]]:
    return [molecule(smiles) for smiles in SMILES]


@pytest.fixture(scope="module")
def batch(molecules: list[tuple[Chem.Mol, MoleculeBatch]]) -> MoleculeBatch:
    return MoleculeBatch.collate([one for _, one in molecules])


def pairs(bonds: Tensor) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in bonds.tolist()}


def test_rings_are_told_from_chains(
    molecules: list[tuple[Chem.Mol, MoleculeBatch]], batch: MoleculeBatch
) -> None:
    outside, actual = cuts(batch, batch.bonds)
    expected = [not bond.IsInRing() for mol, _ in molecules for bond in mol.GetBonds()]
    assert outside.tolist() == expected
    for bond, sides in zip(actual.bonds.tolist(), actual.sides.tolist(), strict=True):
        which = int(batch.molecule[bond[0]])
        mol, first = molecules[which][0], int(batch.ptr[which])
        broken = Chem.RWMol(mol)
        broken.RemoveBond(bond[0] - first, bond[1] - first)
        for part in Chem.GetMolFrags(broken):
            side = 1 if bond[0] - first in part else -1
            assert {sides[atom] for atom in part} == {side}
        assert not any(sides[mol.GetNumAtoms() :])


def test_the_same_bonds_turn_as_by_the_pattern(
    molecules: list[tuple[Chem.Mol, MoleculeBatch]], batch: MoleculeBatch
) -> None:
    pattern = Chem.MolFromSmarts("[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]")
    expected = set()
    for (mol, _), first in zip(molecules, batch.ptr.tolist(), strict=False):
        # Heavy atoms come first, so that stripping hydrogens keeps their numbers.
        for start, end in Chem.RemoveHs(mol).GetSubstructMatches(pattern):
            expected.add(frozenset((first + start, first + end)))
    assert pairs(rotatable_cuts(batch).bonds) == expected
    guessed = batch.replace(bonds=None)
    assert pairs(rotatable_cuts(guessed).bonds) == expected


def test_the_smaller_side_moves(batch: MoleculeBatch) -> None:
    actual = rotatable_cuts(batch)
    assert ((actual.sides < 0).sum(1) <= (actual.sides > 0).sum(1)).all()
    place = actual.bonds - batch.ptr[batch.molecule[actual.bonds]]
    assert actual.sides.gather(1, place).tolist() == [[1, -1]] * len(place)


def test_fragments_stay_where_they_are() -> None:
    both = MoleculeBatch.collate([molecule(smiles)[1] for smiles in ("CCCC", "CCO")])
    one = MoleculeBatch(both.atomic_numbers, both.positions, both.ptr[[0, 2]], bonds=both.bonds)
    together, apart = rotatable_cuts(one), rotatable_cuts(both)
    assert torch.equal(together.bonds, apart.bonds)
    moved = twist(one, together, torch.tensor([0.3], dtype=torch.float64))
    assert torch.equal(moved[both.ptr[1] :], one.positions[both.ptr[1] :])
    torch.testing.assert_close(moved, twist(both, apart, torch.tensor([0.3], dtype=torch.float64)))


def angles(positions: Tensor, triples: Tensor) -> Tensor:
    a, b, c = positions[triples].unbind(1)
    return torch.arccos(torch.nn.functional.cosine_similarity(a - b, c - b).clamp(-1, 1))


def test_turning_keeps_bond_lengths_and_angles(batch: MoleculeBatch) -> None:
    actual = rotatable_cuts(batch)
    turns = torch.linspace(-3, 3, len(actual.bonds), dtype=torch.float64)
    moved = twist(batch, actual, turns)
    both = torch.cat([batch.bonds, batch.bonds.flip(1)])
    triples = torch.tensor(
        [[a, b, d] for a, b in both.tolist() for c, d in both.tolist() if b == c and a < d]
    )
    lengths = [(x[batch.bonds[:, 0]] - x[batch.bonds[:, 1]]).norm(dim=1) for x in (batch.positions, moved)]
    torch.testing.assert_close(*lengths)
    torch.testing.assert_close(angles(batch.positions, triples), angles(moved, triples), rtol=1e-6, atol=1e-6)
    untouched = ~torch.isin(batch.molecule, batch.molecule[actual.bonds[:, 0]])
    assert torch.equal(moved[untouched], batch.positions[untouched])


def test_dihedral_angles_grow_by_what_was_asked_for(molecules: list[tuple[Chem.Mol, MoleculeBatch]]) -> None:
    mol, alone = molecules[4]
    actual = rotatable_cuts(alone)
    turns = torch.linspace(-0.5, 0.7, len(actual.bonds), dtype=torch.float64)
    assert len(turns) > 2
    after = Chem.Mol(mol)
    after.GetConformer().SetPositions(twist(alone, actual, turns).numpy())
    for (start, end), turn in zip(actual.bonds.tolist(), turns.tolist(), strict=True):
        first = next(a.GetIdx() for a in mol.GetAtomWithIdx(start).GetNeighbors() if a.GetIdx() != end)
        last = next(a.GetIdx() for a in mol.GetAtomWithIdx(end).GetNeighbors() if a.GetIdx() != start)
        before, now = (
            Chem.rdMolTransforms.GetDihedralRad(m.GetConformer(), first, start, end, last)
            for m in (mol, after)
        )
        assert math.remainder(now - before - turn, 2 * math.pi) == pytest.approx(0, abs=1e-9)


def test_no_turn_and_no_bond_change_nothing(batch: MoleculeBatch) -> None:
    actual = rotatable_cuts(batch)
    still = twist(batch, actual, torch.zeros(len(actual.bonds), dtype=torch.float64))
    torch.testing.assert_close(still, batch.positions, rtol=0, atol=1e-12)
    none = MoleculeBatch(torch.tensor([2]), torch.zeros(1, 3), torch.tensor([0, 0, 1]))
    assert len(rotatable_cuts(none).bonds) == 0
    assert torch.equal(twist(none, rotatable_cuts(none), torch.zeros(0)), none.positions)


def test_rounds_take_one_of_every_molecule() -> None:
    assert [r.tolist() for r in rounds(torch.tensor([2, 0, 2, 2, 0]))] == [[1, 0], [4, 2], [3]]
    assert rounds(torch.zeros(0, dtype=torch.long)) == []


@pytest.mark.parametrize("sigma", [2, 20])
def test_positions_of_the_release(sigma: int, golden: Path) -> None:
    fixture = read_golden(golden, "frad_two_noise")
    for number in range(5):
        name = f"mol{number}_"
        positions = fixture[f"{name}pos"].double()
        numbers, bonds = fixture[f"{name}z"], fixture[f"{name}bonds"]
        alone = MoleculeBatch(numbers, positions, torch.tensor([0, len(numbers)]), bonds=bonds)
        expected = fixture[f"{name}torsions"].view(-1, 4)[:, 1:3]
        assert pairs(rotatable_cuts(alone).bonds) == pairs(expected)
        if not len(expected):
            continue
        # Which side moves is the release's choice; the molecule is the same either way.
        towards = {tuple(pair) for pair in expected.tolist()}
        turned = [b[::-1] if tuple(b[::-1]) in towards else b for b in bonds.tolist()]
        _, actual = cuts(alone, torch.tensor(turned))
        index = [actual.bonds.tolist().index(pair) for pair in expected.tolist()]
        chosen = actual[torch.tensor(index)]
        turns = torch.deg2rad(sigma * fixture[f"{name}sig{sigma}_dihedral_eps"])
        moved = twist(alone, chosen, turns)
        after = fixture[f"{name}sig{sigma}_pos_after_torsion"].double()
        torch.testing.assert_close(moved, after, rtol=0, atol=2e-5)
        own = twist(alone, smaller_side(chosen), turns)
        torch.testing.assert_close(torch.pdist(own), torch.pdist(after), rtol=0, atol=2e-5)
        noise = 0.04 * fixture[f"{name}sig{sigma}_pos_eps"]
        torch.testing.assert_close(
            moved + noise, fixture[f"{name}sig{sigma}_pos"].double(), rtol=0, atol=2e-5
        )
        torch.testing.assert_close(noise, fixture[f"{name}sig{sigma}_pos_target"], rtol=0, atol=2e-6)
