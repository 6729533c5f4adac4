"""Covalent bonds and how many of them lie between two atoms."""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.graph.joins import branches
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.edges import EdgeList


def bonds_of(batch: MoleculeBatch) -> Tensor:
    """Covalent bonds, each once, [K, 2] int64; where they are unknown, guessed from distances."""
    return distance_bonds(batch) if batch.bonds is None else batch.bonds


def distance_bonds(batch: MoleculeBatch, cutoff: float = 1.6) -> Tensor:
    """Bonds guessed from distances alone, whatever the elements: the rule of 3D-EMGP's fine-tuning.

    Args:
        batch: Molecules.
        cutoff: Longest bond, Å.

    Returns:
        Pairs of atoms, each once, [K, 2] int64.
    """
    edges = radius_edges(batch, cutoff)
    return torch.stack([edges.source, edges.target], dim=-1)


def hop_classes(batch: MoleculeBatch, edges: EdgeList, max_hops: int = 3) -> Tensor:
    """Number of bonds on the shortest path between the two ends of each edge.

    Walks of one bond more are joined to those found so far, for all molecules at once; the work grows with
    the number of atoms.

    Args:
        batch: Molecules; where their bonds are unknown, :func:`distance_bonds` of their positions.
        edges: Pairs of atoms, of any kind.
        max_hops: Longest path that counts.

    Returns:
        1 to ``max_hops``, and 0 for atoms further apart or not connected, [E] int64.
    """
    bonds = bonds_of(batch)
    bonds = torch.cat([bonds, bonds.flip(-1)])
    keys = edges.source * batch.num_atoms + edges.target
    start, end = bonds.unbind(-1)
    classes = torch.zeros_like(keys)
    for hops in range(1, max_hops + 1):
        reached = torch.unique(start * batch.num_atoms + end)
        classes = torch.where((classes == 0) & torch.isin(keys, reached), hops, classes)
        if hops < max_hops:
            walk, bond = branches(bonds[:, 0], reached % batch.num_atoms, batch.num_atoms)
            start, end = reached[walk] // batch.num_atoms, bonds[bond, 1]
    return classes
