"""GeoSSL's crop: a random connected piece of each molecule (its "masking ratio").

A piece starts from one atom and grows along the covalent bonds, an atom at a time, until it first has more
than ``⌊n (1 - ratio)⌋`` of the n atoms. All molecules of a batch grow at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.draws import uniform


def draw_pieces(
    batch: MoleculeBatch, ratio: float, generator: torch.Generator, *, twice: bool = False
) -> Tensor | None:
    """Atoms of a random connected piece of each molecule, [N] bool; None where nothing is cut off.

    Args:
        batch: Molecules; where their bonds are unknown, atoms close to each other count as bonded.
        ratio: Share of the atoms to cut off, in [0, 1); 0 cuts nothing and draws nothing.
        generator: Source of randomness.
        twice: Whether to crop what is left once more. The release does so with PaiNN, whose cached radius
            graphs are built from molecules already cropped; there the first crop is the same in all epochs.
    """
    if not ratio:
        return None
    kept = _draw_piece(batch, ratio, generator)
    if twice:
        kept = kept.masked_scatter(kept, _draw_piece(keep_atoms(batch, kept), ratio, generator))
    return kept


def _draw_piece(batch: MoleculeBatch, ratio: float, generator: torch.Generator) -> Tensor:
    keys = uniform(generator, batch.ptr.device, int(batch.sizes.max()), batch.num_atoms)
    return grow(batch, kept_sizes(batch, ratio), keys)


def kept_sizes(batch: MoleculeBatch, ratio: float) -> Tensor:
    """Atoms left of each molecule, [B] int64."""
    left = (batch.sizes.double() * (1 - ratio)).long() + 1
    return torch.minimum(left, batch.sizes)


def grow(batch: MoleculeBatch, sizes: Tensor, keys: Tensor) -> Tensor:
    """Atoms of the piece of each molecule, [N] bool.

    Args:
        batch: Molecules.
        sizes: Atoms of each piece, [B].
        keys: Priority of each atom in each step, in [0, 1), [steps, N]. Of the atoms bonded to the piece the
            first joins it; where there are none, of all atoms outside.
    """
    bonds = bonds_of(batch)
    start, end = torch.cat([bonds, bonds.flip(1)]).unbind(1)
    kept = torch.zeros(batch.num_atoms, dtype=torch.bool, device=keys.device)
    for step in range(int(sizes.max())):
        touched = torch.zeros_like(keys[step]).index_put((end[kept[start]],), keys.new_ones(()))
        score = (keys[step] + touched).masked_fill(kept | (step >= sizes)[batch.molecule], -1.0)
        best = score.new_zeros(batch.num_graphs).scatter_reduce(0, batch.molecule, score, "amax")
        kept |= (score == best[batch.molecule]) & (score >= 0)
    return kept


def keep_atoms(batch: MoleculeBatch, kept: Tensor | None) -> MoleculeBatch:
    """The molecules without the atoms that are not kept, and without their bonds; labels stay.

    Args:
        batch: Molecules.
        kept: Atoms to keep, [N] bool; None for all.
    """
    if kept is None:
        return batch
    row = kept.cumsum(0) - 1
    ends = torch.cat([row.new_zeros(1), kept.cumsum(0)])[batch.ptr]
    bonds = batch.bonds
    if bonds is not None:
        bonds = row[bonds[kept[bonds].all(1)]]
    return batch.replace(
        atomic_numbers=batch.atomic_numbers[kept],
        positions=batch.positions[kept],
        ptr=ends,
        forces=None if batch.forces is None else batch.forces[kept],
        is_ligand=None if batch.is_ligand is None else batch.is_ligand[kept],
        bonds=bonds,
    )
