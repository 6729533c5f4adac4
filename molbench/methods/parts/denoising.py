"""What the denoising objectives share: a head for noise, and the scale of what it has to predict."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.heads.gated import ScalarVectorHead
from molbench.backbones.parts.layers import dense
from molbench.errors import UserError
from molbench.methods.parts.processes import over_processes

Normaliser = Literal["scale", "running"]


class NoiseHead(nn.Module):
    """One vector of each atom, from the vectors and scalars of any equivariant encoder.

    Args:
        backbone: The encoder whose representations it will see.

    Raises:
        UserError: If the encoder has no vectors.
    """

    def __init__(self, backbone: GeometryBackbone) -> None:
        super().__init__()
        channels, width = backbone.vector_channels, backbone.width
        if channels == 0:
            raise UserError(
                f"backbone '{backbone.name}' has no vectors to predict noise with; choose an equivariant "
                "one, such as painn, egnn or torchmd-et"
            )
        self.widen = nn.Identity() if channels == width else dense(channels, width, bias=False)
        self.blocks = ScalarVectorHead(width)

    def forward(self, encoded: Representation) -> Tensor:
        """Noise in units of its own scale, [N, 3]; the encoder must have been asked for vectors."""
        _, noise = self.blocks(Representation(encoded.scalars, encoded.graph, self.widen(encoded.vectors)))
        result: Tensor = noise
        return result


class Standardiser(nn.Module):
    """Noise to targets of about unit variance.

    Args:
        kind: ``scale`` divides by the known standard deviation. ``running`` shifts and scales every axis by
            the mean and deviation of all noise seen in training so far, the batch at hand included, as Coord
            and MolSpectra were released; targets then do not rotate with the molecule.
        scale: The known standard deviation, Å.
    """

    count: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, kind: Normaliser, scale: float) -> None:
        super().__init__()
        self.kind, self.scale = kind, scale
        if kind == "running":
            # Sums over a whole pretraining, so in double precision.
            self.register_buffer("count", torch.zeros((), dtype=torch.int64))
            self.register_buffer("total", torch.zeros(3, dtype=torch.float64))
            self.register_buffer("squares", torch.zeros(3, dtype=torch.float64))

    def forward(self, noise: Tensor) -> Tensor:
        """Noise in Å [N, 3] to targets [N, 3]; in training the sums are updated first."""
        if self.kind == "scale":
            return noise / self.scale
        if self.training:
            count, total = torch.full_like(self.count, len(noise)), noise.sum(0).to(self.total.dtype)
            squares = noise.square().sum(0).to(self.squares.dtype)
            over_processes(count, total, squares)
            self.count += count
            self.total += total
            self.squares += squares
        mean, deviation = self.statistics()
        return (noise - mean.to(noise.dtype)) / deviation.to(noise.dtype)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and (biased) standard deviation of each axis so far, [3] each; 0 and 1 before any noise."""
        if not self.count:
            return torch.zeros_like(self.total), torch.ones_like(self.total)
        mean = self.total / self.count
        variance = self.squares / self.count - mean.square()
        # Without any noise there is no scale to divide by.
        return mean, torch.where(variance > 0, variance, 1).sqrt()
