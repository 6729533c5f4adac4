"""A starting conformer of a molecule, the same one every time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from rdkit.rdBase import BlockLogs

from molbench.chem.geometry import fault

#: Gap between the van der Waals surfaces of neighbouring fragments (Å): a water molecule would fit in, and no
#: contact is made up that nothing is known of.
_GAP = 3.0

#: Attempts of each start. RDKit's own limit grows with the molecule, to hours for some; for a large one the
#: usual start, which takes the eigenvalues of all distances, rarely succeeds at all.
_ATTEMPTS = {"etkdg": 5, "random": 20}

#: Seconds after which an embedding is given up: a guard that only molecules beyond 600 atoms come near.
_TIMEOUT = 120


@dataclass(frozen=True)
class Conformer:
    """What came of embedding a molecule.

    Attributes:
        positions: Coordinates, [atoms, 3] (Å); [0, 3] where embedding failed.
        outcome: ``etkdg``, ``random`` (ETKDG from random coordinates), or ``failed: `` and the reason.
    """

    positions: NDArray[np.float32]
    outcome: str


def embed_conformer(mol: Chem.Mol, seed: int = 0) -> Conformer:
    """Embed one conformer by ETKDGv3, from random coordinates where the usual start fails.

    No force field follows, as in 3DMRL. Fragments, such as the ions of a salt, keep their own conformer and
    are set in a row, 3 Å between their van der Waals surfaces: how they lie together is not known.

    Args:
        mol: With explicit hydrogens; left as it is.
        seed: Seed of the embedding, from 0; the same seed gives the same conformer.

    References:
        Wang, Witek, Landrum and Riniker, J. Chem. Inf. Model. 60, 2044 (2020).
    """
    parameters = rdDistGeom.ETKDGv3()
    # RDKit's generator takes 0 for 1; its stubs take every parameter for read-only.
    parameters.randomSeed = seed + 1  # type: ignore[assignment]
    parameters.timeout = _TIMEOUT  # type: ignore[assignment]
    parameters.trackFailures = True  # type: ignore[assignment]
    reason = "no atoms"
    if mol.GetNumAtoms() == 0:
        return Conformer(np.empty((0, 3), np.float32), f"failed: {reason}")
    copy = Chem.Mol(mol)
    with BlockLogs():
        for outcome, attempts in _ATTEMPTS.items():
            parameters.maxIterations = attempts  # type: ignore[assignment]
            parameters.useRandomCoords = outcome == "random"  # type: ignore[assignment]
            try:
                conformer = rdDistGeom.EmbedMolecule(copy, parameters)
            except (RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                continue
            if conformer >= 0:
                positions = set_apart(mol, copy.GetConformer(conformer).GetPositions()).astype(np.float32)
                if (wrong := fault(positions)) is None:
                    return Conformer(positions, outcome)
                reason = wrong
                continue
            reason = _reason(parameters)
    return Conformer(np.empty((0, 3), np.float32), f"failed: {reason}")


def set_apart(mol: Chem.Mol, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fragments in a row along x, each as it was and none reaching into another; one alone stays where it is.

    RDKit embeds every fragment about the origin, one on top of another.

    Args:
        mol: The molecule, N atoms; fragments are what no bond connects.
        positions: Its coordinates, [N, 3] (Å).

    Returns:
        [N, 3] (Å).
    """
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRvdw(atom.GetAtomicNum()) for atom in mol.GetAtoms()])
    placed = positions.copy()
    first, *others = (list(fragment) for fragment in Chem.GetMolFrags(mol))
    end = (placed[first, 0] + radii[first]).max()
    for fragment in others:
        placed[fragment, 0] += end + _GAP - (placed[fragment, 0] - radii[fragment]).min()
        end = (placed[fragment, 0] + radii[fragment]).max()
    return placed


def _reason(parameters: rdDistGeom.EmbedParameters) -> str:
    """The check that rejected most attempts, under RDKit's name for it."""
    counts = list(parameters.GetFailureCounts())
    causes = rdDistGeom.EmbedFailureCauses.values
    if not any(counts):
        return "no attempt came to an end"
    return str(causes[int(np.argmax(counts))]).lower().replace("_", " ")
