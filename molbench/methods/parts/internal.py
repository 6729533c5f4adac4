"""Bond lengths, angles and dihedral angles of a batch: which there are, and their values."""

from __future__ import annotations

import torch
from torch import Tensor


def bond_paths(bonds: Tensor, num_atoms: int) -> tuple[Tensor, Tensor]:
    """All angles and dihedrals that bonds span, each once.

    Args:
        bonds: Each once, [K, 2] int64.
        num_atoms: N.

    Returns:
        The three atoms of each angle [A, 3], and the four of each dihedral, all different, [D, 4].
    """
    both = torch.cat([bonds, bonds.flip(-1)])
    both = both[both[:, 0].argsort(stable=True)]
    angles = _extend(both, both, num_atoms)
    torsions = _extend(angles, both, num_atoms)
    torsions = torsions[(torsions[:, 1] < torsions[:, 2]) & (torsions[:, 0] != torsions[:, 3])]
    return angles[angles[:, 0] < angles[:, 2]], torsions


def _extend(paths: Tensor, both: Tensor, num_atoms: int) -> Tensor:
    """Paths [P, m] by every bond from their last atom that does not go back, [P', m + 1]."""
    degree = torch.bincount(both[:, 0], minlength=num_atoms)
    first = degree.cumsum(0) - degree
    branches = degree[paths[:, -1]]
    rank = torch.arange(int(branches.sum()), device=paths.device)
    rank = rank - (branches.cumsum(0) - branches).repeat_interleave(branches)
    paths = paths.repeat_interleave(branches, dim=0)
    added = both[first[paths[:, -1]] + rank, 1]
    return torch.cat([paths, added.unsqueeze(-1)], dim=-1)[added != paths[:, -2]]


def lengths(positions: Tensor, bonds: Tensor) -> Tensor:
    """Bond lengths in Å, [..., N, 3] and [K, 2] to [..., K]."""
    start, end = _ends(positions, bonds)
    result: Tensor = torch.linalg.vector_norm(end - start, dim=-1)
    return result


def angles(positions: Tensor, triples: Tensor) -> Tensor:
    """Angles at the middle atom in radians, from 0 to π, [..., N, 3] and [A, 3] to [..., A]."""
    start, middle, end = _ends(positions, triples)
    first, second = start - middle, end - middle
    across = torch.linalg.vector_norm(torch.linalg.cross(first, second), dim=-1)
    return torch.atan2(across, (first * second).sum(-1))


def dihedrals(positions: Tensor, quadruples: Tensor) -> Tensor:
    """Dihedral angles in radians, from -π to π (IUPAC's sign), [..., N, 3] and [D, 4] to [..., D]."""
    a, b, c, d = _ends(positions, quadruples)
    axis = c - b
    first, second = torch.linalg.cross(b - a, axis), torch.linalg.cross(axis, d - c)
    turned = torch.linalg.cross(first, second)
    sine = (turned * torch.nn.functional.normalize(axis, dim=-1)).sum(-1)
    return torch.atan2(sine, (first * second).sum(-1))


def wrapped(difference: Tensor) -> Tensor:
    """A difference of two angles by the shorter way round, from -π to π."""
    return torch.atan2(difference.sin(), difference.cos())


def _ends(positions: Tensor, indices: Tensor) -> tuple[Tensor, ...]:
    return tuple(positions.index_select(-2, column) for column in indices.unbind(-1))
