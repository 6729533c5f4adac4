"""Singlet excitations of the electrons by configuration interaction singles (CIS), all of them at once.

Method: Foresman, Head-Gordon, Pople and Frisch, J. Phys. Chem. 96, 135 (1992).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import constants, linalg

from molbench.generate.xtb import HARTREE, Array

LEVEL = "CIS/6-31G"

EV = HARTREE / constants.e  # eV per Hartree


def excitations(numbers: NDArray[np.integer[Any]], positions: Array, highest: float) -> tuple[Array, Array]:
    """Vertical excitation energies and oscillator strengths (length gauge).

    The matrix of all single excitations is diagonalised as a whole, so that no state of the window is missed
    and the result does not depend on a starting guess.

    Args:
        numbers: atomic numbers, shape (atoms,).
        positions: shape (atoms, 3) (Bohr).
        highest: states above are left out (eV).

    Returns:
        Ascending energies (eV) and oscillator strengths, both of shape (states,).

    Raises:
        RuntimeError: where the self-consistent field does not converge.
    """
    from pyscf import ao2mo, gto, scf

    atoms = list(zip(numbers.tolist(), positions.tolist(), strict=True))
    molecule = gto.M(atom=atoms, unit="Bohr", basis="6-31g", verbose=0)
    field = scf.RHF(molecule)
    field.conv_tol = 1e-10
    field.kernel()
    if not field.converged:
        raise RuntimeError("RHF/6-31G did not converge")
    filled = field.mo_occ > 0
    occupied, empty = field.mo_coeff[:, filled], field.mo_coeff[:, ~filled]
    i, a = occupied.shape[1], empty.shape[1]
    # A = (e_a - e_i) + 2 (ia|jb) - (ij|ab), rows (i, a), columns (j, b).
    direct = ao2mo.kernel(field._eri, (occupied, empty, occupied, empty)).reshape(i * a, i * a)
    exchange = ao2mo.kernel(field._eri, (occupied, occupied, empty, empty), compact=False)
    singles = 2 * direct - exchange.reshape(i, i, a, a).transpose(0, 2, 1, 3).reshape(i * a, i * a)
    gaps = field.mo_energy[~filled] - field.mo_energy[filled][:, None]
    singles[np.diag_indices(i * a)] += gaps.ravel()
    energies, vectors = linalg.eigh(singles, subset_by_value=(0.0, highest / EV))
    dipole = np.einsum("pi,xpq,qa->iax", occupied, molecule.intor("int1e_r"), empty).reshape(i * a, 3)
    moments = np.sqrt(2) * vectors.T @ dipole
    return energies * EV, 2 / 3 * energies * (moments**2).sum(axis=1)
