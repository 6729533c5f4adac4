"""Random choices within each molecule, all molecules at once."""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch


def ranks(groups: Tensor, keys: Tensor) -> Tensor:
    """Place of each item among those of its group, by ascending key, [n] int64.

    Args:
        groups: Number of the group, [n] int64.
        keys: In [0, 1), [n].
    """
    order = (groups + keys.double()).argsort()
    counts = torch.bincount(groups)
    places = torch.empty_like(groups)
    counted = torch.arange(len(groups), device=groups.device)
    places[order] = counted - (counts.cumsum(0) - counts)[groups[order]]
    return places


def some_atoms(batch: MoleculeBatch, ratio: float, keys: Tensor, least: int = 1) -> Tensor:
    """``⌊ratio n⌋`` of the n atoms of each molecule, at least ``least``, by ascending key, [N] bool."""
    counts = (batch.sizes.double() * ratio).long().clamp(min=least)
    return ranks(batch.molecule, keys) < counts[batch.molecule]
