"""Bonds that cut a molecule in two, those that turn freely, and turning one half about them.

Everything is done for all molecules of a batch at once, on its device, by looking at a molecule as a network
of unit resistors. A bond outside all rings carries the whole current between its ends, so its resistance is
1, and less in a ring; and the potential of such a current is one constant on either side of the bond.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch

# Ties every atom weakly to the ground, so that the network of several fragments has an inverse too.
_LEAK = 1e-6
# Neighbours of an atom without multiple bonds.
_VALENCE = {1: 1, 5: 3, 6: 4, 7: 3, 8: 2, 9: 1, 14: 4, 15: 3, 16: 2, 17: 1, 35: 1, 53: 1}
# Å; mean of the covalent radii in single and in double bonds (Pyykkö, Atsumi, Chem. Eur. J. 15, 2009).
_HALFWAY = {5: 0.815, 6: 0.71, 7: 0.655, 8: 0.60, 14: 1.115, 15: 1.065, 16: 0.985}
_HEAVIEST = 118


@dataclass(frozen=True, eq=False)
class Cuts:
    """J bonds outside rings, and on which side of each the atoms are.

    Attributes:
        bonds: The end that stays and the end that moves, [J, 2] int64.
        sides: 1 for atoms that stay, -1 for those that move, 0 for those of other fragments and molecules,
            by their place in the bond's molecule, [J, n] int8 for n atoms in the largest molecule.
    """

    bonds: Tensor
    sides: Tensor

    def __getitem__(self, chosen: Tensor) -> Cuts:
        """Some of them, by mask or index."""
        return Cuts(self.bonds[chosen], self.sides[chosen])


def place_of(batch: MoleculeBatch) -> Tensor:
    """Place of each atom in its molecule, from 0, [N] int64."""
    return torch.arange(batch.num_atoms, device=batch.ptr.device) - batch.ptr[batch.molecule]


def cuts(batch: MoleculeBatch, bonds: Tensor) -> tuple[Tensor, Cuts]:
    """Which bonds lie outside rings, and what is behind each of those.

    Args:
        batch: Molecules.
        bonds: Bonds, each once, [K, 2] int64; the second atom is the end that moves.

    Returns:
        Whether each bond is outside all rings, [K] bool, and those that are.
    """
    size = int(batch.sizes.max()) if batch.num_graphs else 0
    row, molecule = place_of(batch), batch.molecule[bonds[:, 0]]
    first, second = row[bonds].unbind(-1)
    network = batch.positions.new_zeros(batch.num_graphs, size, size, dtype=torch.float64)
    network[molecule, first, second] = network[molecule, second, first] = -1.0
    network.diagonal(dim1=1, dim2=2).copy_(_LEAK - network.sum(-1))
    inverse = torch.linalg.inv(network)
    potential = inverse[molecule, first] - inverse[molecule, second]
    resistance = (potential.gather(1, first[:, None]) - potential.gather(1, second[:, None])).squeeze(1)
    # A ring of n bonds has (n - 1) / n across each, and either side is at 1/n or more from 0.
    half = 0.5 / max(size, 1)
    outside = resistance > 1 - half
    sides = (potential > half).to(torch.int8) - (potential < -half).to(torch.int8)
    return outside, Cuts(bonds[outside], sides[outside])


def smaller_side(bond_cuts: Cuts) -> Cuts:
    """The same cuts with the side of fewer atoms to be moved."""
    flip = bond_cuts.sides.sum(-1, keepdim=True, dtype=torch.int64) < 0
    return Cuts(
        torch.where(flip, bond_cuts.bonds.flip(-1), bond_cuts.bonds),
        torch.where(flip, -bond_cuts.sides, bond_cuts.sides),
    )


def turns_freely(batch: MoleculeBatch, bonds: Tensor) -> Tensor:
    """Whether each bond is single, next to no triple bond, and no heavy atom at its ends hangs on it alone.

    The same bonds as Frad's pattern ``[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]`` on the hydrogen-stripped molecule.
    Orders are read off the geometry: a bond is double where both ends have fewer neighbours than their
    valence and are closer than halfway between a single and a double bond; a carbon with two neighbours
    stands for a triple bond.

    Args:
        batch: Molecules near equilibrium, hydrogens included.
        bonds: All of their bonds, each once, [K, 2] int64.

    Returns:
        [K] bool, meaningless for bonds in rings.
    """
    numbers = batch.atomic_numbers
    neighbors = torch.bincount(bonds.flatten(), minlength=batch.num_atoms)
    heavy = (numbers > 1)[bonds]
    ends = torch.cat([bonds[:, 0][heavy[:, 1]], bonds[:, 1][heavy[:, 0]]])
    heavy_neighbors = torch.bincount(ends, minlength=batch.num_atoms)
    branching = (heavy & (heavy_neighbors[bonds] > 1)).all(-1)
    linear = ((numbers == 6) & (neighbors == 2))[bonds].any(-1)
    unsaturated = (neighbors < _table(_VALENCE, numbers))[bonds].all(-1)
    start, end = batch.positions[bonds].unbind(1)
    double = unsaturated & ((end - start).norm(dim=-1) < _table(_HALFWAY, numbers)[bonds].sum(-1))
    result: Tensor = branching & ~linear & ~double
    return result


def rotatable_cuts(batch: MoleculeBatch) -> Cuts:
    """The bonds that turn freely, the smaller side of each to be moved."""
    bonds = bonds_of(batch)
    outside, acyclic = cuts(batch, bonds)
    return smaller_side(acyclic[turns_freely(batch, bonds)[outside]])


def rotate(points: Tensor, origin: Tensor, turn: Tensor) -> Tensor:
    """Turn points about axes by the right-hand rule (Rodrigues).

    Args:
        points: [J, n, 3].
        origin: A point on each axis, [J, 3].
        turn: Rotation vectors: direction of the axis times the angle in radians, [J, 3].
    """
    angle = turn.norm(dim=-1).view(-1, 1, 1)
    unit = torch.nn.functional.normalize(turn, dim=-1).unsqueeze(1).expand_as(points)
    arm = points - origin.unsqueeze(1)
    along = unit * (unit * arm).sum(-1, keepdim=True)
    across: Tensor = (arm - along) * angle.cos() + torch.linalg.cross(unit, arm) * angle.sin()
    return origin.unsqueeze(1) + along + across


def twist(batch: MoleculeBatch, about: Cuts, angles: Tensor) -> Tensor:
    """Turn the moving side of each cut about its bond.

    A dihedral angle about a bond outside rings grows by the angle given, whatever happens at the others.

    Args:
        batch: Molecules.
        about: J cuts.
        angles: Radians, [J].

    Returns:
        New positions, [N, 3].
    """
    return flex(batch, about, angles, angles.new_zeros(len(angles), 3), torch.zeros_like(angles))


def flex(batch: MoleculeBatch, about: Cuts, twists: Tensor, tilts: Tensor, stretches: Tensor) -> Tensor:
    """Turn the moving side of each cut about its bond, tilt it against the bond, and draw it away.

    One cut of every molecule at a time, in their order.

    Args:
        batch: Molecules.
        about: J cuts.
        twists: Angles about the bond, radians, [J].
        tilts: Rotation vectors, of which the part along the bond is ignored, radians, [J, 3].
        stretches: Changes of the bond's length, Å, [J].

    Returns:
        New positions, [N, 3].
    """
    row = place_of(batch)
    dense = batch.positions.new_zeros(batch.num_graphs, about.sides.shape[1], 3)
    dense[batch.molecule, row] = batch.positions
    molecule = batch.molecule[about.bonds[:, 0]]
    ends = row[about.bonds]
    for now in rounds(molecule):
        which, (stay, move) = molecule[now], ends[now].unbind(-1)
        points, origin = dense[which], dense[which, stay]
        axis = torch.nn.functional.normalize(dense[which, move] - origin, dim=-1)
        tilt = tilts[now] - axis * (tilts[now] * axis).sum(-1, keepdim=True)
        turned = rotate(points, origin, tilt + axis * twists[now].unsqueeze(-1))
        away = rotate(axis.unsqueeze(1), torch.zeros_like(axis), tilt) * stretches[now].view(-1, 1, 1)
        dense[which] = torch.where((about.sides[now] < 0).unsqueeze(-1), turned + away, points)
    return dense[batch.molecule, row]


def rounds(molecule: Tensor) -> list[Tensor]:
    """Indices of the first item of every molecule, then of the second, and so on.

    Args:
        molecule: Molecule of each item, [J] int64.
    """
    order = molecule.argsort(stable=True)
    counts = torch.bincount(molecule)
    rank = torch.arange(order.numel(), device=order.device) - (counts.cumsum(0) - counts)[molecule[order]]
    return [order[rank == number] for number in range(int(counts.max()) if counts.numel() else 0)]


def _table(values: dict[int, int] | dict[int, float], numbers: Tensor) -> Tensor:
    table = torch.zeros(_HEAVIEST + 1, dtype=torch.float64)
    table[list(values)] = torch.tensor(list(values.values()), dtype=torch.float64)
    return table.to(numbers.device)[numbers]
