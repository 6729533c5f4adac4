"""A displacement of every atom, from any encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.convolution import sum_ends


class DisplacementHead(nn.Module):
    """Displacements that rotate with the molecule.

    An encoder with one vector an atom gives it as it is, one with several a learned sum of them. For an
    encoder without any, atoms move along the directions to the others of their molecule, by amounts read from
    both atoms and their distance (EGNN, arXiv 2102.09844, equation 4).

    Args:
        backbone: The encoder whose representations it will see.
    """

    def __init__(self, backbone: GeometryBackbone) -> None:
        super().__init__()
        self.channels = backbone.vector_channels
        width = backbone.width
        if self.channels == 0:
            self.ends = nn.Linear(width, width)
            self.distance = nn.Linear(1, width, bias=False)
            self.amount = nn.Linear(width, 1, bias=False)
            nn.init.xavier_uniform_(self.amount.weight, gain=0.001)
        elif self.channels > 1:
            self.amount = nn.Linear(self.channels, 1, bias=False)

    def forward(self, encoded: Representation, batch: MoleculeBatch) -> Tensor:
        """Displacements in Å, [N, 3], from a representation with vectors where the encoder has them."""
        if encoded.vectors is not None:
            vectors = encoded.vectors if self.channels == 1 else self.amount(encoded.vectors)
            return vectors.squeeze(-1)
        pairs = all_pairs(batch.ptr)
        offsets = pairs.vectors(batch.positions)
        squares = offsets.square().sum(-1, keepdim=True)
        hidden = sum_ends(pairs, self.ends(encoded.scalars)) + self.distance(squares)
        steps = offsets * self.amount(nn.functional.silu(hidden))
        total = torch.zeros_like(batch.positions).index_add(0, pairs.source, steps.to(batch.positions.dtype))
        total = total.index_add(0, pairs.target, -steps.to(batch.positions.dtype))
        return total / (batch.sizes - 1).clamp(min=1)[batch.molecule].unsqueeze(-1)
