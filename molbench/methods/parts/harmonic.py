"""A harmonic potential of bonds, angles and torsions with its minimum at the molecules of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.internal import angles, bond_paths, dihedrals, lengths, wrapped
from molbench.methods.parts.torsions import Cuts, cuts, smaller_side, turns_freely

# Dihedrals over an angle whose sine is less say little about where atoms are.
_LINEAR = 0.3


@dataclass(frozen=True)
class Widths:
    """Standard deviations that the potential gives each coordinate at its temperature.

    Attributes:
        bond: Of bond lengths, Å.
        angle: Of bond angles, radians.
        rotatable: Of dihedrals about bonds that turn freely, radians; those about one bond share its
            stiffness equally.
        torsion: Of all other dihedrals, radians.
    """

    bond: float
    angle: float
    rotatable: float
    torsion: float


@dataclass(frozen=True, eq=False)
class Harmonic:
    """M coordinates of a batch: lengths, then angles, then dihedrals.

    Attributes:
        joints: The J bonds outside rings, the smaller side of each to be moved.
        freely: Whether each joint turns freely, [J] bool.
        bonds: Atoms of each length, [K, 2].
        triples: Atoms of each angle, [A, 3].
        quadruples: Atoms of each dihedral, [D, 4].
        molecule: Molecule of each coordinate, [M] int64.
        minimum: Values in the molecules, Å and radians, [M].
        variance: Their squared widths, [M] float64.
    """

    joints: Cuts
    freely: Tensor
    bonds: Tensor
    triples: Tensor
    quadruples: Tensor
    molecule: Tensor
    minimum: Tensor
    variance: Tensor

    @classmethod
    def of(cls, batch: MoleculeBatch, widths: Widths) -> Self:
        """The potential around molecules near equilibrium."""
        bonds = bonds_of(batch)
        outside, joints = cuts(batch, bonds)
        free = turns_freely(batch, bonds) & outside
        triples, quadruples = bond_paths(bonds, batch.num_atoms)
        first, second = (angles(batch.positions, part) for part in (quadruples[:, :3], quadruples[:, 1:]))
        quadruples = quadruples[torch.minimum(first.sin(), second.sin()) > _LINEAR]
        # The bond in the middle of each dihedral, and how many share it.
        middle = quadruples[:, 1] * batch.num_atoms + quadruples[:, 2]
        low, high = bonds[free].sort(-1).values.unbind(-1)
        turning = torch.isin(middle, low * batch.num_atoms + high)
        _, bond_of, sharing = torch.unique(middle, return_inverse=True, return_counts=True)
        kinds = sharing.new_tensor([widths.torsion**2, widths.rotatable**2], dtype=torch.float64)
        of_turn = kinds[turning.long()] * sharing[bond_of]
        variance = torch.cat(
            [
                kinds.new_full((len(bonds),), widths.bond**2),
                kinds.new_full((len(triples),), widths.angle**2),
                of_turn,
            ]
        )
        return cls(
            joints=smaller_side(joints),
            freely=free[outside],
            bonds=bonds,
            triples=triples,
            quadruples=quadruples,
            molecule=batch.molecule[torch.cat([bonds[:, 0], triples[:, 0], quadruples[:, 0]])],
            minimum=_values(batch.positions, bonds, triples, quadruples),
            variance=variance,
        )

    def strain(self, positions: Tensor) -> Tensor:
        """Coordinates less their values at the minimum, [..., N, 3] to [..., M]."""
        return self.difference(self.values(positions), self.minimum)

    def values(self, positions: Tensor) -> Tensor:
        """Coordinates in Å and radians, [..., N, 3] to [..., M]."""
        return _values(positions, self.bonds, self.triples, self.quadruples)

    def difference(self, values: Tensor, reference: Tensor) -> Tensor:
        """Of two sets of coordinates, dihedrals by the shorter way round, [..., M]."""
        apart = values - reference
        rigid = apart.shape[-1] - len(self.quadruples)
        return torch.cat([apart[..., :rigid], wrapped(apart[..., rigid:])], dim=-1)


def _values(positions: Tensor, bonds: Tensor, triples: Tensor, quadruples: Tensor) -> Tensor:
    parts = lengths(positions, bonds), angles(positions, triples), dihedrals(positions, quadruples)
    return torch.cat(parts, dim=-1)
