"""Small made-up molecules and motions of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch

_ELEMENTS = (1, 6, 7, 8, 9)


def example_batch(
    sizes: Sequence[int] = (5, 1, 9, 2, 5), *, seed: int = 0, dtype: torch.dtype = torch.float64
) -> MoleculeBatch:
    """Molecules of H, C, N, O and F at random, atoms about 1.3 Å apart and never closer than 0.7 Å.

    Args:
        sizes: Atoms of each.
        seed: Which molecules.
        dtype: Of the positions.
    """
    generator = torch.Generator().manual_seed(seed)
    side = round(max(sizes) ** (1 / 3) + 0.5)
    axis = torch.arange(side, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis, axis).view(-1, 3)
    sites = torch.cat([grid[torch.randperm(len(grid), generator=generator)[:size]] for size in sizes])
    jitter = torch.rand(sites.shape, generator=generator, dtype=torch.float64) - 0.5
    elements = torch.tensor(_ELEMENTS)[torch.randint(len(_ELEMENTS), (len(sites),), generator=generator)]
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    return MoleculeBatch(elements, (1.3 * sites + 0.6 * jitter).to(dtype), ptr)


def with_random_labels(batch: MoleculeBatch, columns: Sequence[str], *, seed: int = 0) -> MoleculeBatch:
    """A batch with a standard normal label a record in each column."""
    generator = torch.Generator().manual_seed(seed)
    labels = {
        name: torch.randn(batch.num_records, generator=generator, dtype=torch.float64) for name in columns
    }
    return batch.replace(targets=batch.targets | labels)


def random_rotation(*, seed: int = 0, reflect: bool = False, dtype: torch.dtype = torch.float64) -> Tensor:
    """A uniformly distributed rotation matrix, with a reflection behind it if wanted, [3, 3]."""
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q = q * torch.linalg.det(q).sign()
    rotation: Tensor = -q if reflect else q
    return rotation.to(dtype)
