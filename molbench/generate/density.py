"""Electronic spatial extent from a Hartree-Fock density; GFN2-xTB treats valence electrons only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = "RHF/6-31G (density fitting)"


def electronic_spatial_extent(numbers: NDArray[np.integer[Any]], positions: NDArray[np.float64]) -> float:
    """Electronic spatial extent, the expectation value of r² summed over all electrons.

    The origin is the centre of nuclear charge and nuclei do not contribute, as in the ``R2`` of QM9
    (Ramakrishnan et al., Sci. Data 1, 140022, 2014).

    Args:
        numbers: atomic numbers, shape (atoms,).
        positions: geometry, shape (atoms, 3) (Bohr).

    Returns:
        Spatial extent (Bohr²).

    Raises:
        RuntimeError: where the self-consistent field does not converge.
    """
    from pyscf import gto, scf

    centred = positions - np.average(positions, axis=0, weights=numbers)
    molecule = gto.M(
        atom=list(zip(numbers.tolist(), centred.tolist(), strict=True)), unit="Bohr", basis="6-31g", verbose=0
    )
    field = scf.RHF(molecule).density_fit(auxbasis="weigend")
    field.conv_tol = 1e-8
    field.kernel()
    if not field.converged:
        raise RuntimeError(f"{LEVEL} did not converge")
    return float(np.einsum("ij,ji->", field.make_rdm1(), molecule.intor("int1e_r2")))
