"""Encoders of the molecular graph alone, elements and bonds without positions, from PyTorch Geometric."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn.models import GIN, PNA

from molbench.backbones.parts.layers import AtomEmbedding
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms

# How many of some organic molecules' atoms have no, one, ... bonds, hydrogens being atoms too.
_DEGREES = (0, 10, 1, 3, 6)


class TopologyEncoder(nn.Module):
    """Message passing along bonds; a molecule's vector is the mean of its atoms'.

    Args:
        kind: ``gin``: graph isomorphism network (arXiv 1810.00826). ``pna``: principal neighbourhood
            aggregation (arXiv 2004.05718).
        width: Features, F.
        layers: Number of layers.
    """

    def __init__(self, kind: Literal["gin", "pna"], width: int, layers: int) -> None:
        super().__init__()
        self.embedding = AtomEmbedding(width, "elements")
        if kind == "gin":
            self.layers = GIN(width, width, layers, norm="batch_norm")
        else:
            self.layers = PNA(
                width,
                width,
                layers,
                norm="batch_norm",
                aggregators=["mean", "max", "min", "std"],
                scalers=["identity", "amplification", "attenuation"],
                deg=torch.tensor(_DEGREES),
            )

    def forward(self, batch: MoleculeBatch) -> Tensor:
        """Molecules to vectors, [B, F]."""
        bonds = bonds_of(batch)
        edges = torch.cat([bonds, bonds.flip(1)]).t().contiguous()
        return mean_atoms(self.layers(self.embedding(batch.atomic_numbers), edges), batch)
