"""The solvent shell of 3DMRL, its virtual interaction environment: a molecule among rigid copies of another.

3DMRL, NeurIPS 2025 (arXiv 2412.02957). Up to n atoms of the solute that are in no ring, its anchors, get a
copy of the solvent each, turned at random and moved by the solvent's radius in a random direction. Every
placed atom is told which way leads away from its copy's anchor; that unit vector stands for a force.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.parts.draws import normal, uniform


@dataclass(frozen=True, eq=False)
class SolventShellDraws:
    """Every random number of the shells of one batch.

    Attributes:
        order: Anchors are the atoms with the least of these numbers, one for each solute atom, [N_a].
        directions: Where copies are moved, of any length, n for each pair, [R, n, 3].
        axes: Uniform in [0, 1), the corner of a cube through which the axis of a rotation passes, [R, n, 3].
        angles: Of the rotations, uniform in [0, 1) as parts of a full turn, [R, n].
    """

    order: Tensor
    directions: Tensor
    axes: Tensor
    angles: Tensor


@dataclass(frozen=True, eq=False)
class SolventShell:
    """R shells: in each the atoms of the solute, then those of every copy; M atoms, P of them placed.

    Attributes:
        positions: Å, [M, 3].
        ptr: First atom of each shell, then M, [R + 1].
        placed: Which atoms are placed ones, in ascending order, [P].
        anchor: The anchor of each placed atom among all solute atoms, [P].
        origin: The atom of the solvent each is a copy of, among all solvent atoms, [P].
        slot: Number of the copy within its shell, [P].
        forces: Unit vector from the anchor of each placed atom, [P, 3]; zero for an atom that lies on it, as
            only a solvent of one atom does.
    """

    positions: Tensor
    ptr: Tensor
    placed: Tensor
    anchor: Tensor
    origin: Tensor
    slot: Tensor
    forces: Tensor

    @cached_property
    def is_solute(self) -> Tensor:
        """Whether each atom is the solute's, [M] bool."""
        solute = torch.ones(len(self.positions), dtype=torch.bool, device=self.ptr.device)
        return solute.index_fill(0, self.placed, value=False)

    def batch(self) -> MoleculeBatch:
        """The shells as molecules of two elements, 1 in the solute and 0 in copies."""
        return MoleculeBatch(self.is_solute.long(), self.positions, self.ptr)


def draw_shells(a: MoleculeBatch, copies: int, generator: torch.Generator) -> SolventShellDraws:
    """Random numbers for the shells of some solutes.

    Args:
        a: Conformers of the solutes.
        copies: Copies of a solvent, n.
        generator: Their source.
    """
    pairs, device = a.num_graphs, a.positions.device
    return SolventShellDraws(
        uniform(generator, device, a.num_atoms),
        normal(generator, a.positions, pairs, copies, 3),
        uniform(generator, device, pairs, copies, 3).to(a.positions.dtype),
        uniform(generator, device, pairs, copies).to(a.positions.dtype),
    )


def surround(
    a: MoleculeBatch,
    b: MoleculeBatch,
    in_ring: Tensor,
    draws: SolventShellDraws,
    *,
    wrong_anchors: bool = False,
    epsilon: float = 0.0,
) -> SolventShell:
    """Shells of solutes a with copies of solvents b.

    Args:
        a: Conformers of the solutes.
        b: Conformers of the solvents.
        in_ring: Whether each atom of a is in a ring, [N_a].
        draws: Random numbers; they say how many copies there are at most.
        wrong_anchors: Where there are more than n candidates, K, choose among the first K atoms instead of
            among the candidates, as the release does.
        epsilon: Added to distances from the anchor that are divided by, Å; 1e-6 in the release's drug pairs.
    """
    copies = draws.angles.shape[1]
    anchors, pair, number = _anchors(a, ~in_ring, draws.order, copies, wrong_anchors=wrong_anchors)
    turned = rotation_matrices(draws.axes, draws.angles)[pair, number]
    centre = mean_atoms(b.positions, b)
    radii = _radii(b, centre)
    shift = a.positions[anchors] + radii[pair, None] * normalize(draws.directions[pair, number], dim=-1)

    # One entry for each placed atom: its copy, and the atom of the solvent.
    sizes = b.sizes[pair]
    copy = torch.repeat_interleave(torch.arange(len(pair), device=pair.device), sizes)
    first = sizes.cumsum(0) - sizes
    origin = torch.arange(len(copy), device=pair.device) - first[copy] + b.ptr[pair][copy]
    points = torch.einsum("pi,pij->pj", b.positions[origin], turned[copy]) + shift[copy]
    away = points - a.positions[anchors[copy]]
    distances = torch.linalg.vector_norm(away, dim=-1, keepdim=True)
    forces = away / (distances + epsilon).clamp(min=torch.finfo(away.dtype).tiny)

    # Solute and copies of one pair side by side.
    added = torch.zeros_like(a.sizes).index_add(0, pair, sizes)
    ptr = torch.cat([a.ptr[:1], (a.sizes + added).cumsum(0)])
    solute = torch.arange(a.num_atoms, device=pair.device) + (ptr[:-1] - a.ptr[:-1])[a.molecule]
    placed = torch.arange(len(copy), device=pair.device) + a.ptr[1:][pair][copy]
    positions = a.positions.new_empty(int(ptr[-1]), 3)
    positions = positions.index_copy(0, solute, a.positions).index_copy(0, placed, points)
    return SolventShell(positions, ptr, placed, anchors[copy], origin, number[copy], forces)


def rotation_matrices(axes: Tensor, angles: Tensor) -> Tensor:
    """Rodrigues' matrices, [..., 3, 3]; row vectors that multiply them are turned by minus the angle.

    The axes are those of the release, denser towards the corners of a cube than uniform on the sphere.

    Args:
        axes: Uniform in [0, 1), [..., 3].
        angles: As parts of a full turn, [...].
    """
    x, y, z = normalize(axes - 0.5, dim=-1).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).view(*x.shape, 3, 3)
    turn = (2 * torch.pi * angles)[..., None, None]
    eye = torch.eye(3, dtype=axes.dtype, device=axes.device)
    matrices: Tensor = eye + turn.sin() * cross + (1 - turn.cos()) * (cross @ cross)
    return matrices


def _anchors(
    a: MoleculeBatch, candidates: Tensor, order: Tensor, copies: int, *, wrong_anchors: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors of all pairs in turn, the pair of each, and its number within the pair."""
    molecule = a.molecule
    if wrong_anchors:
        count = torch.zeros_like(a.sizes).index_add(0, molecule, candidates.long())
        local = torch.arange(a.num_atoms, device=molecule.device) - a.ptr[molecule]
        first = local < count[molecule]
        candidates = torch.where((count > copies)[molecule], first, candidates)
    chosen = candidates.nonzero().squeeze(-1)
    # By pair, and within a pair by the numbers drawn.
    chosen = chosen[order[chosen].argsort(stable=True)]
    chosen = chosen[molecule[chosen].argsort(stable=True)]
    pair = molecule[chosen]
    count = torch.bincount(pair, minlength=a.num_graphs)
    number = torch.arange(len(pair), device=pair.device) - (count.cumsum(0) - count)[pair]
    kept = number < copies
    return chosen[kept], pair[kept], number[kept]


def _radii(b: MoleculeBatch, centre: Tensor) -> Tensor:
    """Largest distance of an atom from the centre of its molecule, [R] (Å)."""
    distances: Tensor = torch.linalg.vector_norm(b.positions - centre[b.molecule], dim=-1)
    return distances.new_zeros(b.num_graphs).scatter_reduce(0, b.molecule, distances, "amax")
