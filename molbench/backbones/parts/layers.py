"""Pieces that the distance-based encoders share."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms, sum_atoms
from molbench.kernels.products import Linear

Vocabulary = Literal["elements", "geossl"]
Readout = Literal["mean", "sum"]

# Classes of the GeoSSL release in its order; every other element is the class behind the last.
_GEOSSL = (1, 6, 7, 8, 9, 15, 16, 17)
#: Atomic number of the last element there is.
HEAVIEST = 118


class AtomEmbedding(nn.Module):
    """One learned vector an element.

    Args:
        width: Features, F.
        vocabulary: ``elements``: one class for each atomic number up to 118. ``geossl``: the nine classes of
            the release, H C N O F P S Cl and unknown.
        frozen_hydrogen: Keep hydrogen's vector at zero. The release declares class 0 as padding and class 0
            is hydrogen.
    """

    classes: Tensor

    def __init__(self, width: int, vocabulary: Vocabulary, frozen_hydrogen: bool = False) -> None:
        super().__init__()
        if vocabulary == "elements":
            classes = torch.arange(HEAVIEST + 1)
        else:
            classes = torch.full((HEAVIEST + 1,), len(_GEOSSL))
            classes[list(_GEOSSL)] = torch.arange(len(_GEOSSL))
        self.register_buffer("classes", classes, persistent=False)
        padding = int(classes[1]) if frozen_hydrogen else None
        self.table = nn.Embedding(int(classes.max()) + 1, width, padding_idx=padding)

    def forward(self, atomic_numbers: Tensor) -> Tensor:
        """Atomic numbers [N] to features [N, F]."""
        result: Tensor = self.table(self.classes[atomic_numbers])
        return result


class GaussianBasis(nn.Module):
    """Distances as overlapping Gaussians, evenly spaced from 0 to the cutoff, as wide as their spacing.

    Args:
        size: Number of Gaussians, K.
        cutoff: Centre of the last one, Å.
    """

    centres: Tensor

    def __init__(self, size: int, cutoff: float) -> None:
        super().__init__()
        # Centres and width in double precision: a float64 model must not inherit float32 rounding.
        self.register_buffer(
            "centres", torch.linspace(0, cutoff, size, dtype=torch.float64), persistent=False
        )
        self.exponent = -0.5 * ((size - 1) / cutoff) ** 2

    def forward(self, distances: Tensor) -> Tensor:
        """Distances [E] to basis values [E, K]."""
        difference = distances.unsqueeze(-1) - self.centres.to(distances.dtype)
        return decay(self.exponent * difference.square())


def decay(exponents: Tensor) -> Tensor:
    """``e^x`` of negative numbers, elementwise; 0 where that is below 1e-17.

    The tails of a Gaussian fall below the normal range of single precision, where a CPU is several times as
    slow, here and in the products that follow.
    """
    return nn.functional.threshold(torch.exp(exponents.clamp(min=-40.0)), 1e-17, 0.0)


def with_bias(layer: nn.Linear) -> Tensor:
    """Weights and bias of a layer side by side, [outputs, inputs + 1], for inputs whose last feature is 1.

    On many edges one product is faster than a product, a broadcast and in the gradient a sum.
    """
    return torch.cat([layer.weight, layer.bias.unsqueeze(-1)], dim=-1)


def cosine_envelope(distances: Tensor, cutoff: float, *, truncated: bool = True) -> Tensor:
    """``½ (cos(π d / cutoff) + 1)`` within the cutoff and, where truncated, 0 beyond, [E] (Behler 2011)."""
    envelope = 0.5 * (torch.cos(distances * (math.pi / cutoff)) + 1)
    return envelope * (distances < cutoff) if truncated else envelope


def pool(scalars: Tensor, batch: MoleculeBatch, readout: Readout) -> Tensor:
    """Atom features to one vector a molecule, [N, F] to [B, F]."""
    return mean_atoms(scalars, batch) if readout == "mean" else sum_atoms(scalars, batch)


def dense(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and zero bias, as both papers' codes start them."""
    layer = Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
