"""GraphCL's four ways to change a molecule and the way to leave it, each molecule of a batch by its own.

You et al., NeurIPS 2020 (arXiv 2010.13902): drop atoms, keep a connected piece, exchange bonds, hide
elements.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.parts.crop import grow, keep_atoms, kept_sizes
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.sampling import ranks, some_atoms
from molbench.methods.parts.views import bare, with_bonds

KINDS = ("drop", "piece", "bonds", "mask", "none")
DROP, PIECE, BONDS, MASK, NONE = range(len(KINDS))


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What becomes of each molecule, and the random numbers for it, all in [0, 1).

    Attributes:
        kinds: Place of each molecule's change in :data:`KINDS`, [B] int64.
        atoms: Priority of each atom in being dropped or hidden, [N].
        growth: Priority of each atom in each step of growing a piece, [steps, N].
        bonds: Priority of each bond in being exchanged, [K].
        ends: What the ends of the bond in its stead are chosen by, [K, 2].
    """

    kinds: Tensor
    atoms: Tensor
    growth: Tensor
    bonds: Tensor
    ends: Tensor


def draw_augmentation(batch: MoleculeBatch, kinds: Tensor, generator: torch.Generator) -> Augmentation:
    """Random numbers for changing a batch with bonds, each molecule by its kind, [B] int64."""
    device, atoms = batch.ptr.device, batch.num_atoms
    bonds = len(bonds_of(batch))
    return Augmentation(
        kinds,
        uniform(generator, device, atoms),
        uniform(generator, device, int(batch.sizes.max()), atoms),
        uniform(generator, device, bonds),
        uniform(generator, device, bonds, 2),
    )


def augment(batch: MoleculeBatch, ratio: float, draws: Augmentation) -> MoleculeBatch:
    """The molecules, changed.

    Args:
        batch: Molecules with bonds.
        ratio: Share of the atoms or bonds that are changed, rounded down.
        draws: How.
    """
    kind = draws.kinds[batch.molecule]
    some = some_atoms(batch, ratio, draws.atoms, least=0)
    piece = grow(batch, kept_sizes(batch, ratio) * (draws.kinds == PIECE), draws.growth)
    kept = torch.where(kind == PIECE, piece, ~((kind == DROP) & some))
    changed = batch.replace(
        atomic_numbers=batch.atomic_numbers.masked_fill((kind == MASK) & some, 0),
        bonds=_exchange(batch, ratio, draws),
    )
    return keep_atoms(changed, kept)


def mean_vectors(
    backbone: GeometryBackbone, first: MoleculeBatch, second: MoleculeBatch
) -> tuple[Tensor, Tensor]:
    """Mean atom scalars of the molecules of two batches of B, from one pass of the encoder, [B, F] each."""
    both = MoleculeBatch.collate([bare(with_bonds(first)), bare(with_bonds(second))])
    one, other = mean_atoms(backbone(both).scalars, both).chunk(2)
    return one, other


def _exchange(batch: MoleculeBatch, ratio: float, draws: Augmentation) -> Tensor:
    """Bonds, some of which have become others between any two atoms of the same molecule, [K, 2]."""
    bonds = bonds_of(batch)
    owner = batch.molecule[bonds[:, 0]]
    counts = (torch.bincount(owner, minlength=batch.num_graphs).double() * ratio).long()
    counts = counts * (draws.kinds == BONDS)
    chosen = ranks(owner, draws.bonds) < counts[owner]
    sizes = batch.sizes[owner]
    start = (draws.ends[:, 0] * sizes).long()
    # One of the others: a bond has two different ends.
    end = (start + 1 + (draws.ends[:, 1] * (sizes - 1)).long()) % sizes
    other = torch.stack([start, end], dim=1) + batch.ptr[owner].unsqueeze(1)
    return torch.where(chosen.unsqueeze(1), other, bonds)
