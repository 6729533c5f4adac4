"""Heads that several objectives share."""

from __future__ import annotations

from torch import Tensor, nn

from molbench.kernels.convolution import sum_ends
from molbench.kernels.edges import EdgeList
from molbench.kernels.products import Linear


def two_layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Linear, SiLU, Linear: the form of all of 3D-EMGP's heads."""
    return nn.Sequential(Linear(inputs, width), nn.SiLU(), Linear(width, outputs))


class Decoder(nn.Sequential):
    """Linear, batch normalisation, ReLU, Linear: the decoder of GeoSSL and GraphMVP.

    Args:
        width: Features of a molecule, F.
    """

    def __init__(self, width: int) -> None:
        super().__init__(Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), Linear(width, width))

    def forward(self, vectors: Tensor) -> Tensor:
        """Molecule vectors to molecule vectors, [B, F]."""
        # One molecule has no variance over the batch: the last of an epoch uses the running one.
        self[1].train(self.training and len(vectors) > 1)
        for layer in self:
            vectors = layer(vectors)
        return vectors


class PairHead(nn.Module):
    """Values for a pair of atoms, the same in either order: Linear of each atom, sum, SiLU, Linear.

    Args:
        width: Features of an atom, F.
        outputs: Values a pair.
    """

    def __init__(self, width: int, outputs: int = 1) -> None:
        super().__init__()
        self.ends = Linear(width, width)
        self.values = nn.Sequential(nn.SiLU(), Linear(width, outputs))

    def forward(self, atoms: Tensor, pairs: EdgeList) -> Tensor:
        """Atom vectors [N, F] to values of P unordered pairs, [P, outputs]."""
        result: Tensor = self.values(sum_ends(pairs, self.ends(atoms)))
        return result
