"""What every structure must be, read or generated: finite, no larger than molecules, its atoms apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

COINCIDENT = 0.1
"""Two nuclei closer than this are one place written twice (Å).

The shortest bond, H-H, has 0.74 Å; published molecules and trajectories were never seen below 0.85 Å, while
the coarsest coordinates, those of PDB files, have three decimals. Clashes of crystal structures and of docked
ligands lie above it and are left alone.
"""

LARGEST = 10_000.0
"""No coordinate of a molecule is beyond this (Å): PDB columns end there, float32 still resolves 0.001 Å."""


def faults(positions: NDArray[np.floating[Any]], owners: NDArray[np.integer[Any]]) -> dict[int, str]:
    """What is wrong with the structures of a table.

    Args:
        positions: Coordinates of all atoms as they are stored, [atoms, 3] (Å).
        owners: Structure that each atom belongs to, ascending, [atoms].

    Returns:
        Reason by structure; one that is sound is not in it. Atoms are counted from 1 within their structure.
    """
    points = np.asarray(positions, dtype=np.float64).reshape(-1, 3)
    finite = np.isfinite(points).all(axis=1)
    near = (np.abs(points) <= LARGEST).all(axis=1)
    reasons = dict.fromkeys(np.unique(owners[~finite]).tolist(), "a coordinate that is missing or not finite")
    for owner in np.unique(owners[finite & ~near]).tolist():
        reasons.setdefault(owner, f"a coordinate beyond {LARGEST:,.0f} Å: no molecule is of that size")
    rest = np.flatnonzero(~np.isin(owners, list(reasons)))
    for owner, atoms in _coincident(points[rest], owners[rest]).items():
        a, b = sorted(rest[list(atoms)].tolist())
        start = int(np.searchsorted(owners, owner))
        distance = float(np.linalg.norm(points[a] - points[b]))
        reasons[owner] = f"atoms {a - start + 1} and {b - start + 1} in one place, {distance:.3g} Å apart"
    return reasons


def fault(positions: NDArray[np.floating[Any]]) -> str | None:
    """What is wrong with one structure, [atoms, 3] (Å); None where nothing is."""
    return faults(positions, np.zeros(len(positions), dtype=np.int64)).get(0)


def _coincident(points: NDArray[np.float64], owners: NDArray[np.integer[Any]]) -> dict[int, tuple[int, int]]:
    """Two atoms closer than ``COINCIDENT`` of each structure that has any.

    The structure is a fourth coordinate, so that one search serves a whole table. Equal places are found by
    sorting before: a tree cannot divide them and would compare each with each.
    """
    order = np.lexsort((*points.T, owners))
    before, after = order[:-1], order[1:]
    equal = (points[before] == points[after]).all(axis=1) & (owners[before] == owners[after])
    coincident = _first(owners, before[equal], after[equal])
    rest = np.flatnonzero(~np.isin(owners, list(coincident)))
    if len(rest) > 1:
        placed = np.column_stack([points[rest], owners[rest]])
        # The nearest atom of each but itself; the number of atoms where there is none within reach.
        _, nearest = cKDTree(placed).query(placed, k=[2], distance_upper_bound=COINCIDENT)
        other = np.asarray(nearest)[:, 0]
        close = np.flatnonzero(other < len(rest))
        coincident |= _first(owners, rest[close], rest[other[close]])
    return coincident


def _first(
    owners: NDArray[np.integer[Any]], one: NDArray[np.integer[Any]], other: NDArray[np.integer[Any]]
) -> dict[int, tuple[int, int]]:
    """The first of the pairs of each structure."""
    names, rows = np.unique(owners[one], return_index=True)
    return {
        int(name): (int(one[row]), int(other[row]))
        for name, row in zip(names.tolist(), rows.tolist(), strict=True)
    }
