"""Geometries: a starting conformer, its relaxation, the graph it stands for and its rotational symmetry."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from molbench.chem.geometry import fault
from molbench.generate.xtb import METHOD, Array

#: Conformers embedded for each molecule; the force field picks one.
_CONFORMERS = 5

#: Largest norm of the force on an atom at the end of the relaxation (eV/Å), about 1e-4 Hartree/Bohr.
_MAX_FORCE = 0.005

_MAX_STEPS = 500

#: Two atoms closer than this multiple of the sum of their covalent radii are bonded: 1.82 Å for two carbons,
#: just below the shortest cage diagonal (1.87 Å in bicyclo[1.1.1]pentane), which is no bond.
_BOND_FACTOR = 1.2

#: Largest displacement of an atom under a symmetry operation (Å).
_SYMMETRY_TOLERANCE = 0.05

#: Permutations tried by `symmetry_number`; neopentane, the largest case here, has 4! 3!⁴ = 31,104.
_MAX_PERMUTATIONS = 100_000


def lowest_conformer(smiles: str, seed: int) -> tuple[Chem.Mol, Array] | None:
    """Embeds a molecule with ETKDG and keeps the conformer of lowest MMFF94 (else UFF) energy.

    Args:
        smiles: hydrogens implicit; an unspecified stereocentre gets whichever configuration is drawn.
        seed: seeds the embedding.

    Returns:
        The molecule with explicit hydrogens, and its positions of shape (atoms, 3) (Å); None where embedding
        fails, or puts two atoms in one place.
    """
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed  # type: ignore[assignment]  # RDKit's stub is wrong
    with rdBase.BlockLogs():
        conformers = list(rdDistGeom.EmbedMultipleConfs(mol, _CONFORMERS, parameters))
        if not conformers:
            return None
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
            relaxed = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(mol, maxIters=_MAX_STEPS)
        else:
            relaxed = rdForceFieldHelpers.UFFOptimizeMoleculeConfs(mol, maxIters=_MAX_STEPS)
    best = int(np.argmin([energy for _, energy in relaxed]))
    positions = mol.GetConformer(conformers[best]).GetPositions()
    return (mol, positions) if fault(positions) is None else None


def relax(numbers: NDArray[np.integer[Any]], positions: Array) -> Array | None:
    """Relaxes a geometry with GFN2-xTB (BFGS).

    Args:
        numbers: atomic numbers, shape (atoms,).
        positions: start, shape (atoms, 3) (Å).

    Returns:
        The relaxed positions (Å); None where the forces do not vanish in time.

    Raises:
        RuntimeError: where the self-consistent field does not converge.
    """
    from ase import Atoms
    from ase.optimize import BFGS
    from tblite.ase import TBLite

    atoms = Atoms(numbers, positions, calculator=TBLite(method=METHOD, verbosity=0))
    converged = BFGS(atoms, logfile=None).run(fmax=_MAX_FORCE, steps=_MAX_STEPS)
    return np.asarray(atoms.get_positions()) if converged else None


def keeps_graph(mol: Chem.Mol, positions: Array) -> bool:
    """Whether the bonds read off the distances (Å) are those of the molecular graph, no more and no fewer."""
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(atom.GetAtomicNum()) for atom in mol.GetAtoms()])
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    bonded = distances < _BOND_FACTOR * (radii[:, None] + radii[None])
    np.fill_diagonal(bonded, val=False)
    return bool(np.array_equal(bonded, Chem.GetAdjacencyMatrix(mol).astype(bool)))


def symmetry_number(mol: Chem.Mol, positions: Array) -> int:
    """Number of rotations that leave a molecule unchanged, the sigma of its rotational partition function.

    Every such rotation permutes the atoms by an automorphism of the molecular graph, and two of them never
    give the same permutation; so the automorphisms are counted that a proper rotation realises (superposition
    of Kabsch, Acta Cryst. A 32, 922, 1976). A linear molecule gives 1 or 2, as it should.

    Args:
        mol: with explicit hydrogens.
        positions: shape (atoms, 3) (Å).
    """
    matches = mol.GetSubstructMatches(mol, uniquify=False, maxMatches=_MAX_PERMUTATIONS)
    centred = positions - positions.mean(axis=0)
    images = centred[np.array(matches)]
    left, _, right = np.linalg.svd(np.einsum("pai,aj->pij", images, centred))
    right[:, -1] *= np.linalg.det(left @ right)[:, None]
    displacement = np.linalg.norm(images @ left @ right - centred, axis=-1).max(axis=-1)
    return int((displacement < _SYMMETRY_TOLERANCE).sum())
