"""The minimum of GFN2-xTB that belongs to a molecular graph, with its vibrations."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molbench.generate import geometry, thermochemistry, xtb
from molbench.generate.engine import JobOutcome, RejectedCandidate
from molbench.generate.xtb import ANGSTROM, Array

#: Decimal places of the positions (Å). Every property is computed at the rounded geometry.
POSITION_DECIMALS = 4

#: Softest vibration kept (cm⁻¹); below it the harmonic approximation means nothing.
_SOFTEST = 10.0

#: Relaxations tried; after one that ends on a saddle point, the next starts beside it on the imaginary mode.
_RELAXATIONS = 3

#: Largest displacement of an atom in that push (Å).
_PUSH = 0.3


class UnfitError(Exception):
    """The molecule does not belong in the dataset; the message is the reason that is counted."""


class Minimum(NamedTuple):
    """A geometry and its harmonic vibrations.

    Attributes:
        positions: as stored, shape (atoms, 3) (Å).
        quanta: ascending, shape (modes,) (Hartree).
        displacements: of the atoms along each mode, shape (modes, atoms, 3), the largest of
            each mode of unit length.
    """

    positions: NDArray[np.float32]
    quanta: Array
    displacements: Array


class Start(NamedTuple):
    """A molecule at the minimum that its SMILES was embedded and relaxed to.

    Attributes:
        mol: with explicit hydrogens.
        numbers: atomic numbers, shape (atoms,).
        masses: of the most common isotopes, shape (atoms,) (electron masses).
        minimum: see :class:`Minimum`.
    """

    mol: Chem.Mol
    numbers: NDArray[np.integer[Any]]
    masses: Array
    minimum: Minimum


def minimum_of(smiles: str, seed: int) -> Start:
    """Embed a molecule and relax it.

    Raises:
        UnfitError: where no minimum with the graph of ``smiles`` is found.
        RuntimeError: where a self-consistent field does not converge.
    """
    embedded = geometry.lowest_conformer(smiles, seed)
    if embedded is None:
        raise UnfitError("no conformer embedded")
    mol, start = embedded
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    table = Chem.GetPeriodicTable()
    masses = thermochemistry.DALTON * np.array([table.GetMostCommonIsotopeMass(int(z)) for z in numbers])
    return Start(mol, numbers, masses, find_minimum(mol, numbers, masses, start))


def compute_each(
    job: Sequence[tuple[str, str, int]], record: Callable[[str, int], dict[str, Any]]
) -> JobOutcome:
    """Records of one job; a molecule without a proper minimum is rejected with the reason.

    Args:
        job: name, SMILES and seed of each molecule.
        record: all columns but the id, from SMILES and seed.
    """
    rows: list[dict[str, Any]] = []
    rejections: list[RejectedCandidate] = []
    for name, smiles, seed in job:
        try:
            rows.append({"id": name, **record(smiles, seed)})
        except UnfitError as unfit:
            rejections.append(RejectedCandidate(name, smiles, str(unfit)))
        except RuntimeError:  # tblite and pyscf: the self-consistent field did not converge
            rejections.append(RejectedCandidate(name, smiles, "self-consistent field not converged"))
    return JobOutcome(rows, rejections)


def find_minimum(mol: Chem.Mol, numbers: NDArray[np.integer[Any]], masses: Array, start: Array) -> Minimum:
    """The minimum reached from a starting geometry.

    Args:
        mol: with explicit hydrogens.
        numbers: atomic numbers, shape (atoms,).
        masses: shape (atoms,) (electron masses).
        start: shape (atoms, 3) (Å).

    Raises:
        UnfitError: where no minimum with the bonds of ``mol`` is found.
        RuntimeError: where a self-consistent field does not converge.
    """
    for _ in range(_RELAXATIONS):
        relaxed = geometry.relax(numbers, start)
        if relaxed is None:
            raise UnfitError("geometry not converged")
        if not geometry.keeps_graph(mol, relaxed):
            raise UnfitError("bonds changed")
        stored = np.round(relaxed - relaxed.mean(axis=0), POSITION_DECIMALS).astype(np.float32)
        positions = stored.astype(np.float64) * ANGSTROM
        hessian = xtb.XtbMolecule(numbers, positions).hessian()
        quanta, displacements = thermochemistry.normal_modes(hessian, masses, positions)
        if quanta[0] > _SOFTEST * thermochemistry.WAVENUMBER:
            return Minimum(stored, quanta, displacements)
        if quanta[0] > 0:
            raise UnfitError("vibration too soft")
        start = relaxed + _PUSH * displacements[0]
    raise UnfitError("imaginary frequency")
