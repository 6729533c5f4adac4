import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.generate.placement import in_contact, radii


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    closeness=st.floats(0.5, 2),
)
def test_the_closest_contact_is_as_asked_and_the_molecule_keeps_its_shape(seed, sizes, closeness):
    rng = np.random.default_rng(seed)
    fixed, moved = (rng.normal(scale=1.5, size=(n, 3)) for n in sizes)
    reach = radii(rng.choice([1, 6, 8], sizes[0]))[:, None] + radii(rng.choice([1, 6, 8], sizes[1]))
    placed = in_contact(fixed, moved, reach, closeness, rng)
    apart = np.linalg.norm(fixed[:, None] - placed[None], axis=-1) / reach
    assert apart.min() == pytest.approx(closeness)
    # Distances are kept, and so is the signed volume of four atoms: no reflection.
    assert distances(placed) == pytest.approx(distances(moved))
    if len(moved) >= 4:
        assert volume(placed) == pytest.approx(volume(moved), abs=1e-9)


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def volume(positions):
    return np.linalg.det(positions[1:4] - positions[0])


def test_directions_are_uniform_on_the_sphere():
    rng = np.random.default_rng(0)
    atom = np.zeros((1, 3))
    actual = np.array([in_contact(atom, atom, np.ones((1, 1)), 1.0, rng)[0] for _ in range(4000)])
    assert np.linalg.norm(actual, axis=1) == pytest.approx(np.ones(4000))
    assert actual.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.04)
    assert actual.T @ actual / 4000 == pytest.approx(np.eye(3) / 3, abs=0.03)


def test_radii_are_van_der_waals_radii():
    hydrogen, carbon, oxygen = radii(np.array([1, 6, 8]))
    assert 1.0 < hydrogen < 1.3 < oxygen < carbon < 1.8
