import numpy as np
import pytest

pytest.importorskip("pyscf")

from molbench.generate.density import electronic_spatial_extent


def test_helium_is_near_the_hartree_fock_limit():
    # 2 x 1.1848 Bohr², Fischer, The Hartree-Fock Method for Atoms (1977); the basis is small.
    assert electronic_spatial_extent(np.array([2]), np.zeros((1, 3))) == pytest.approx(2.3697, rel=0.05)


def test_distant_atoms_add_the_parallel_axis_term():
    """Two far atoms of N electrons each: 2 <r²> + 2 N (d/2)²."""
    alone = electronic_spatial_extent(np.array([2]), np.zeros((1, 3)))
    pair = electronic_spatial_extent(np.array([2, 2]), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 20.0]]))
    assert pair == pytest.approx(2 * alone + 4 * 10.0**2, rel=1e-5)


def test_place_of_the_molecule_does_not_matter():
    numbers, positions = np.array([1, 9]), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.73]])
    assert electronic_spatial_extent(numbers, positions + 7.0) == pytest.approx(
        electronic_spatial_extent(numbers, positions), rel=1e-6
    )
