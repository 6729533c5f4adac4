"""Heads that read scalars and vectors together: gated equivariant blocks.

Weiler et al., NeurIPS 2018 (arXiv 1807.02547), section 3, in the form of PaiNN (arXiv 2102.03150, figure 3)
as TorchMD-NET uses it behind its equivariant transformer (arXiv 2202.02541).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.backbones.base import Representation
from molbench.backbones.parts.layers import dense


class GatedEquivariantBlock(nn.Module):
    """Scalars and vectors of an atom to other scalars and vectors, the latter gated by the former.

    Args:
        width: Scalars of an atom, and vectors, F.
        outputs: The same behind the block, O.
        activation: Whether the scalars pass a SiLU at the end.
    """

    def __init__(self, width: int, outputs: int, activation: bool) -> None:
        super().__init__()
        self.norms = dense(width, width, bias=False)
        self.vectors = dense(width, outputs, bias=False)
        self.update = nn.Sequential(dense(2 * width, width), nn.SiLU(), dense(width, 2 * outputs))
        self.activation = activation

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars [N, F] and vectors [N, 3, F] to scalars [N, O] and vectors [N, 3, O]."""
        lengths = length(self.norms(vectors))
        values, gates = self.update(torch.cat([scalars, lengths], dim=-1)).chunk(2, dim=-1)
        values = nn.functional.silu(values) if self.activation else values
        return values, gates.unsqueeze(1) * self.vectors(vectors)


class ScalarVectorHead(nn.Module):
    """One scalar and one vector of each atom: two gated blocks, F to F/2 to 1.

    The scalar is an atom's share of a molecule's property, the vector its noise, dipole or force.

    Args:
        width: Scalars of an atom, and vectors, F.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = GatedEquivariantBlock(width, width // 2, activation=True)
        self.second = GatedEquivariantBlock(width // 2, 1, activation=False)

    def forward(self, representation: Representation) -> tuple[Tensor, Tensor]:
        """Scalars [N] and vectors [N, 3].

        Raises:
            ValueError: If the representation has no vectors, or not as many as scalars.
        """
        if (
            representation.vectors is None
            or representation.vectors.shape[-1] != representation.scalars.shape[-1]
        ):
            raise ValueError("a gated head needs as many vectors as scalars; encode with vectors=True")
        scalars, vectors = self.second(*self.first(representation.scalars, representation.vectors))
        return scalars.squeeze(-1), vectors.squeeze(-1)


def length(vectors: Tensor) -> Tensor:
    """Lengths of vectors, [N, 3, F] to [N, F]; those of zero have zero derivatives of any order."""
    squares = vectors.square().sum(1)
    nonzero = squares > 0
    return torch.where(nonzero, torch.where(nonzero, squares, 1).sqrt(), 0)
