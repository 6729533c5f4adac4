"""One check of structures: finite, of a molecule's size, no two atoms in one place."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from molbench.chem.geometry import COINCIDENT, LARGEST, fault, faults


def lattice(atoms: int) -> np.ndarray:
    """Places on a cubic lattice of 1.5 Å."""
    side = int(np.ceil(atoms ** (1 / 3)))
    return np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:atoms] * 1.5


def expected(points: np.ndarray) -> bool:
    """Whether a finite structure of a molecule's size is sound, by its definition."""
    return len(points) < 2 or bool(pdist(points).min() >= COINCIDENT)


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 1 << 32), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_it_finds_the_structures_with_two_atoms_in_one_place_and_no_other(
    seed: int, sizes: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    structures = [rng.uniform(-0.4, 0.4, (n, 3)).astype(np.float32) for n in sizes]
    structures[0][-1] = structures[0][0]  # two equal places, unless it is one atom
    owners = np.repeat(np.arange(len(sizes)), sizes)
    actual = faults(np.concatenate(structures), owners)
    assert sorted(actual) == [i for i, points in enumerate(structures) if not expected(points.astype(float))]
    assert set(actual) == {i for i, points in enumerate(structures) if fault(points) is not None}


def test_two_structures_may_share_a_place() -> None:
    assert faults(np.zeros((2, 3)), np.array([0, 1])) == {}
    assert faults(np.zeros((4, 3)), np.array([3, 3, 7, 7])).keys() == {3, 7}


def test_it_names_the_atoms_within_their_structure() -> None:
    points = np.concatenate([lattice(5), lattice(4)])
    points[8] = points[6] + [0, 0, 0.05]
    assert faults(points, np.array([0] * 5 + [1] * 4)) == {1: "atoms 2 and 4 in one place, 0.05 Å apart"}


@pytest.mark.parametrize(("distance", "sound"), [(0.0, False), (0.09, False), (0.11, True), (0.74, True)])
def test_a_bond_of_hydrogen_is_sound_and_a_tenth_of_an_angstrom_the_limit(
    distance: float, sound: bool
) -> None:
    assert (fault(np.array([[0, 0, 0], [0, 0, distance]])) is None) == sound


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none(value: float) -> None:
    points = lattice(4).astype(np.float32)
    points[2, 1] = value
    assert fault(points) == "a coordinate that is missing or not finite"


def test_a_number_that_is_no_molecules() -> None:
    assert fault(np.array([[LARGEST, -LARGEST, 0.0]])) is None
    assert fault(np.array([[0, 0, 0], [0, -1.1 * LARGEST, 0]])) == (
        "a coordinate beyond 10,000 Å: no molecule is of that size"
    )


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1e-3])
def test_a_heap_of_atoms_takes_no_longer_than_a_molecule(scale: float) -> None:
    """Hostile: a hundred thousand atoms in one place, or nearly so."""
    points = np.random.default_rng(0).normal(size=(100_000, 3)) * scale
    begin = time.perf_counter()
    assert "in one place" in str(fault(points))
    assert time.perf_counter() - begin < 2


def test_no_atoms_are_no_fault() -> None:
    assert fault(np.empty((0, 3))) is None
