"""Bonds of a batch, known or guessed."""

from __future__ import annotations

from torch import Tensor

from molbench.graph.batch import Batch
from molbench.graph.bonds import distance_bonds


def bonds_of(batch: Batch) -> Tensor:
    """Covalent bonds, each once, [K, 2] int64; where they are unknown, guessed from distances."""
    return distance_bonds(batch) if batch.bonds is None else batch.bonds
