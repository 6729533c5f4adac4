"""The interaction map of CIGIN, between the atoms of the two molecules of each pair and no others.

Pathak et al., AAAI 2020 (CIGIN), as 3DMRL (arXiv 2412.02957) computes it: plain dot products, no squashing.
The maps of all pairs are padded to the largest and made by one batched product. That is less memory traffic
than one gathered row for each of the Σ n_a n_b pairs of atoms, and R times fewer products than a map of all
solutes against all solvents of which only the blocks on the diagonal are wanted.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from molbench.graph.pairs import MolecularGraphs, PairBatch


def interact(a: Tensor, b: Tensor, pairs: PairBatch) -> tuple[Tensor, Tensor]:
    """What each atom receives: ``Σ_j I_ij b_j`` and ``Σ_i I_ij a_i`` with the map ``I_ij = a_i · b_j``.

    Args:
        a: Features of the atoms of the first molecules, [N_a, F].
        b: Of the second, [N_b, F].
        pairs: To which pair they belong.

    Returns:
        [N_a, F] and [N_b, F].
    """
    padded_a, is_a = _padded(a, pairs.a)
    padded_b, is_b = _padded(b, pairs.b)
    maps = torch.bmm(padded_a, padded_b.transpose(1, 2))
    return torch.bmm(maps, padded_b)[is_a], torch.bmm(maps.transpose(1, 2), padded_a)[is_b]


def interaction_maps(a: Tensor, b: Tensor, pairs: PairBatch) -> list[Tensor]:
    """The map of each pair, [n_a, n_b] each, to look at."""
    of_a, of_b = (torch.split(x, g.sizes.tolist()) for x, g in ((a, pairs.a), (b, pairs.b)))
    return [first @ second.t() for first, second in zip(of_a, of_b, strict=True)]


def _padded(atoms: Tensor, graphs: MolecularGraphs) -> tuple[Tensor, Tensor]:
    """Atoms of each molecule side by side, [R, n, F], and where there is one, [R, n]."""
    padded, is_atom = to_dense_batch(atoms, graphs.molecule, batch_size=graphs.num_graphs)
    return padded, is_atom
