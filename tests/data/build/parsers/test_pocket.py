"""GeoSSL's pocket rule against a plain reading of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.complexes import Atoms
from molbench.data.build.parsers.pocket import geossl_pocket


def atoms(seed: int, residues: int, spread: float, *, water: float = 0.0) -> Atoms:
    rng = np.random.default_rng(seed)
    owners = np.sort(rng.integers(0, residues, size=4 * residues)).astype(np.int32)
    names = np.where(rng.random(residues) < water, "HOH", "ALA").astype(object)
    numbers = rng.choice(np.array([1, 6, 7, 8], dtype=np.uint8), size=owners.size)
    return Atoms(numbers, rng.normal(scale=spread, size=(owners.size, 3)), owners, names[owners])


def in_words(protein: Atoms, ligand: Atoms, max_atoms: int, hydrogens: bool) -> list[int]:
    """Residues near the ligand, their near atoms, no hydrogens, the closest ones."""
    distance = [min(float(np.linalg.norm(p - q)) for q in ligand.positions) for p in protein.positions]
    near_residues = {
        r
        for r, name, d in zip(protein.residues, protein.names, distance, strict=True)
        if d <= 6 and name != "HOH"
    }
    chosen = [
        i
        for i, r in enumerate(protein.residues)
        if r in near_residues and distance[i] <= 6 and (hydrogens or protein.numbers[i] > 1)
    ]
    size = sum(1 for number in ligand.numbers if hydrogens or number > 1)
    return sorted(sorted(chosen, key=lambda i: distance[i])[: max(0, max_atoms - size)])


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10_000),
    residues=st.integers(1, 25),
    spread=st.floats(1, 12),
    max_atoms=st.integers(1, 60),
    hydrogens=st.booleans(),
)
def test_the_fast_rule_is_the_plain_one(seed, residues, spread, max_atoms, hydrogens) -> None:
    protein, ligand = atoms(seed, residues, spread, water=0.3), atoms(seed + 1, 3, 2.0)
    held = geossl_pocket(protein, ligand, max_atoms=max_atoms, hydrogens=hydrogens)
    expected = protein.take(np.array(in_words(protein, ligand, max_atoms, hydrogens), dtype=int))
    for got, wanted in zip(held.pocket, expected, strict=True):
        assert np.array_equal(got, wanted)
    kept = ligand if hydrogens else ligand.take(ligand.numbers > 1)
    assert np.array_equal(held.ligand.positions, kept.positions)


def test_moving_everything_changes_nothing() -> None:
    protein, ligand = atoms(3, 20, 8.0), atoms(4, 3, 2.0)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))

    def moved(which: Atoms) -> Atoms:
        return which._replace(positions=which.positions @ turn + [5.0, -7.0, 100.0])

    one = geossl_pocket(protein, ligand, max_atoms=40)
    other = geossl_pocket(moved(protein), moved(ligand), max_atoms=40)
    assert np.array_equal(one.pocket.residues, other.pocket.residues)
    assert len(one.pocket.numbers) + len(one.ligand.numbers) <= 40


def test_coordinates_that_are_not_finite_are_refused() -> None:
    protein, ligand = atoms(3, 5, 8.0), atoms(4, 3, 2.0)
    protein.positions[0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        geossl_pocket(protein, ligand, max_atoms=40)
