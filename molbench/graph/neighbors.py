"""Which atoms see each other.

Three searches give the same pairs: a loop over all pairs of a molecule in C; where there is none, as on an
accelerator, all pairs and a mask; and on a CPU a k-d tree for large structures. All list each pair once, so
that a model computes what depends on the distance alone half as often.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.kernels.library import usable
from molbench.kernels.radius import near_pairs

# Atoms in the largest molecule from which the tree, O(n log n), beats the loop, O(n²), and the mask.
TREE_OVER_LOOP, TREE_OVER_MASK = 4096, 192


def all_pairs(ptr: Tensor, atoms_of_all: int | None = None) -> EdgeList:
    """All unordered pairs of atoms within each molecule, ordered by source, then target.

    Args:
        ptr: First atom of each molecule, then N, [B + 1] int64.
        atoms_of_all: N, where it is known; an accelerator would have to be asked.
    """
    atoms = torch.arange(int(ptr[-1]) if atoms_of_all is None else atoms_of_all, device=ptr.device)
    after = torch.repeat_interleave(ptr[1:], ptr.diff(), output_size=atoms.numel()) - atoms - 1
    source = torch.repeat_interleave(atoms, after)
    first = after.cumsum(0) - after
    target = torch.arange(source.numel(), device=ptr.device) - first[source] + source + 1
    return EdgeList(source, target, True)


def radius_edges(batch: MoleculeBatch, cutoff: float, max_neighbors: int | None = None) -> EdgeList:
    """Pairs of atoms of one molecule that are no further apart than the cutoff.

    Args:
        batch: Molecules.
        cutoff: Radius in Å.
        max_neighbors: Cap on the neighbours of an atom, None for all of them. As in torch-cluster <= 1.6.0 on
            a GPU (specified from its behaviour): of the hits in ascending index order, the atom itself among
            them, the first ``max_neighbors + 1`` stay, then the atom itself is dropped. A list that this
            truncates is directed, the capped atom being the target.

    Returns:
        A symmetric list ordered by source, then target; where the cap removed something, a directed one
        ordered by target, then source.
    """
    edges = _search(batch, cutoff)
    return edges if max_neighbors is None else _cap(edges, batch.num_atoms, max_neighbors)


def _search(batch: MoleculeBatch, cutoff: float) -> EdgeList:
    if batch.ptr.device.type != "cpu" or not batch.num_graphs:
        return _masked_pairs(batch, cutoff)
    loop, largest = usable(batch.positions), int(batch.sizes.max())
    if largest >= (TREE_OVER_LOOP if loop else TREE_OVER_MASK):
        return _tree_pairs(batch, cutoff)
    return _near_pairs(batch, cutoff) if loop else _masked_pairs(batch, cutoff)


def _near_pairs(batch: MoleculeBatch, cutoff: float) -> EdgeList:
    """The loop in C."""
    return near_pairs(batch.positions, batch.ptr[1:][batch.molecule], cutoff)


def _masked_pairs(batch: MoleculeBatch, cutoff: float) -> EdgeList:
    pairs = all_pairs(batch.ptr, batch.num_atoms)
    near = (pairs.vectors(batch.positions.detach()).square().sum(-1) <= cutoff**2).nonzero().squeeze(-1)
    if near.numel() == pairs.num_edges:
        return pairs
    return EdgeList(pairs.source[near], pairs.target[near], True)


def _tree_pairs(batch: MoleculeBatch, cutoff: float) -> EdgeList:
    """One tree for the whole batch: the molecule is a fourth coordinate, further apart than the cutoff."""
    from scipy.spatial import cKDTree  # most commands meet no molecule so large

    points = np.empty((batch.num_atoms, 4))
    points[:, :3] = batch.positions.detach().numpy()
    points[:, 3] = batch.molecule.numpy() * (2.0 * cutoff)
    pairs = cKDTree(points).query_pairs(cutoff, output_type="ndarray")
    # One number a pair sorts faster than two do.
    source, target = np.divmod(np.sort(pairs[:, 0] * batch.num_atoms + pairs[:, 1]), batch.num_atoms)
    return EdgeList(torch.from_numpy(source), torch.from_numpy(target), True)


def _cap(edges: EdgeList, num_atoms: int, max_neighbors: int) -> EdgeList:
    both = edges.directed()
    order = torch.argsort(both.target * num_atoms + both.source)
    source, target = both.source[order], both.target[order]
    degree = torch.bincount(target, minlength=num_atoms)
    rank = torch.arange(source.numel(), device=source.device) - (degree.cumsum(0) - degree)[target]
    keep = rank + (source > target) <= max_neighbors
    if bool(keep.all()):
        return edges
    return EdgeList(source[keep], target[keep], False)
