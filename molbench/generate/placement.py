"""Rigid placements of one molecule beside another, by the closeness of their contact."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.spatial.transform import Rotation

from molbench.generate.xtb import Array


def radii(numbers: NDArray[np.integer[Any]]) -> Array:
    """Van der Waals radii as RDKit has them, shape (atoms,) (Å)."""
    table = Chem.GetPeriodicTable()
    return np.array([table.GetRvdw(int(number)) for number in numbers])


def in_contact(fixed: Array, moved: Array, reach: Array, closeness: float, rng: np.random.Generator) -> Array:
    """Turns a molecule at random and brings it up to another from a random direction.

    It comes straight towards the centroid and stops at the first contact: the point where the distance of
    some pair of atoms is ``closeness`` times the sum of their radii, and that of no pair is less. The points
    on the line where one pair has a given distance are roots of a quadratic: the stop is the largest of all.

    Args:
        fixed: positions of the molecule that stays, shape (a, 3) (Å).
        moved: positions of the other, shape (b, 3) (Å).
        reach: sum of the radii of every pair, shape (a, b) (Å).
        closeness: smallest distance in units of ``reach``.
        rng: draws direction and rotation, anew where the molecule would pass without contact.

    Returns:
        New positions of the moved molecule, shape (b, 3) (Å).
    """
    while True:
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        turned = Rotation.random(rng=rng).apply(moved - moved.mean(axis=0)) + fixed.mean(axis=0)
        apart = turned[None] - fixed[:, None]
        along = apart @ direction
        discriminant = along**2 - (apart**2).sum(axis=-1) + (closeness * reach) ** 2
        met = discriminant > 0
        if met.any():
            stop = (np.sqrt(discriminant[met]) - along[met]).max()
            return np.asarray(turned + stop * direction)
