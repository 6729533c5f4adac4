"""Sums over the atoms of each molecule."""

from torch import Tensor

from molbench.graph.molecules import MoleculeBatch


def sum_atoms(values: Tensor, batch: MoleculeBatch) -> Tensor:
    """Sum of a per-atom quantity over each molecule, [N, ...] to [B, ...]."""
    return values.new_zeros(batch.num_graphs, *values.shape[1:]).index_add(0, batch.molecule, values)


def mean_atoms(values: Tensor, batch: MoleculeBatch) -> Tensor:
    """Mean of a per-atom quantity over each molecule, [N, ...] to [B, ...]; zero where there is no atom."""
    shape = (-1,) + (1,) * (values.dim() - 1)
    return sum_atoms(values, batch) / batch.sizes.clamp(min=1).to(values.dtype).view(shape)


def centred_per_molecule(values: Tensor, batch: MoleculeBatch) -> Tensor:
    """A per-atom quantity less its mean over each molecule, [N, ...]: what does not depend on the origin."""
    return values - mean_atoms(values, batch)[batch.molecule]
