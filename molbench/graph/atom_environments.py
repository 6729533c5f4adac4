"""Atoms that messages along bonds cannot tell apart, each different one once.

After k rounds of messages an atom's features depend on its environment of k bonds alone: the atom, its bonds,
and the environments of k - 1 bonds at their other ends, which are the colours of Weisfeiler and Lehman. A
batch has far fewer environments than atoms: a molecule that occurs in many pairs adds none, and most
hydrogens sit on the same kind of carbon. A network that computes a round on environments and not on atoms
gives the same features, and the same gradients of its weights, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.graph.pairs import MolecularGraphs

# Of splitmix64: multiplied and shifted, numbers that differ in a bit differ in half of their bits.
_MULTIPLIERS = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)
_CENTRE = -0x61C8864680B583EB


@dataclass(frozen=True, eq=False)
class Round:
    """How C environments of k bonds are made of those of k - 1 bonds, by E messages sorted by kind of bond.

    Attributes:
        centre: The environment of k - 1 bonds of the atom itself, [C] int64.
        source: That of the neighbour who sends a message, [E] int64.
        target: The environment of k bonds that receives it, [E] int64.
        kind: Kind of bond it goes along, [E] int64.
        counts: Messages along each kind of bond.
    """

    centre: Tensor
    source: Tensor
    target: Tensor
    kind: Tensor
    counts: list[int]


@dataclass(frozen=True, eq=False)
class AtomEnvironments:
    """The different environments of the N atoms of a batch.

    Attributes:
        atoms: Features of each different atom, which is an environment of no bond, [C, D].
        bonds: Features of each kind of bond, [T, B]; where there is no bond, one kind that does not occur.
        rounds: From environments of 0 bonds to those of 1, and so on.
        first: Which of ``atoms`` stands in the middle of each environment of the last round, [C'] int64.
        of_atom: The environment of the last round that each atom has, [N] int64.
    """

    atoms: Tensor
    bonds: Tensor
    rounds: list[Round]
    first: Tensor
    of_atom: Tensor


def atom_environments(graphs: MolecularGraphs, rounds: int) -> AtomEnvironments:
    """The environments of so many bonds of the atoms of a batch.

    Two are told apart by a code of 64 bits. Among a million different environments two share one with a
    probability of 3e-8.
    """
    kinds, kind = _different(_codes(graphs.bond_features))
    bonds = graphs.bond_features[kinds]
    bonds = bonds if len(bonds) else bonds.new_zeros(1, bonds.shape[1])
    source, target = graphs.edge_index
    # Sorted once, messages are by kind in every round.
    order = torch.cat([kind, kind]).argsort()
    source, target, kind = source[order], target[order], torch.cat([kind, kind])[order]

    examples, colour = _different(_codes(graphs.atoms))
    atoms, first, made = graphs.atoms[examples], torch.arange(len(examples), device=examples.device), []
    for _ in range(rounds):
        received = _mixed(colour[source] * len(bonds) + kind + 1)
        codes = _mixed(colour * _CENTRE).index_add(0, target, received)
        examples, new = _different(codes)
        is_example = torch.zeros_like(colour, dtype=torch.bool)
        is_example[examples] = True
        kept = is_example[target].nonzero().squeeze(-1)
        counts = torch.bincount(kind[kept], minlength=len(bonds)).tolist()
        made.append(Round(colour[examples], colour[source[kept]], new[target[kept]], kind[kept], counts))
        first, colour = first[colour[examples]], new
    return AtomEnvironments(atoms, bonds, made, first, colour)


def _codes(features: Tensor) -> Tensor:
    """A number for each row that different rows do not share, [R]."""
    values = features.double()
    # Powers of e are independent over the rationals.
    weights = torch.linspace(0, 2, values.shape[1], device=values.device, dtype=values.dtype).exp()
    return values @ weights


def _mixed(numbers: Tensor) -> Tensor:
    """Numbers without any pattern, [R] int64 to the same."""
    for multiplier, shift in zip(_MULTIPLIERS, (30, 27), strict=True):
        numbers = (numbers ^ (numbers >> shift)) * multiplier
    return numbers ^ (numbers >> 31)


def _different(codes: Tensor) -> tuple[Tensor, Tensor]:
    """An example of each different code, [C], and which of them every row has, [R]."""
    values, which = torch.unique(codes, return_inverse=True)
    rows = torch.arange(len(codes), device=codes.device)
    return torch.empty_like(rows[: len(values)]).index_copy(0, which, rows), which
