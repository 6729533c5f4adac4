"""Angle prediction: read the angle at an atom between two others from the vectors of the three.

The baseline of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602), whose release calls it "torsion angle
prediction": a linear layer on the vectors of some ordered triples of atoms, bonded or not, mean squared error
in radians.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.draws import uniform
from molbench.spec.config import Share


@dataclass(frozen=True)
class AnglePredictionConfig:
    """Settings of :class:`AnglePrediction`; the last is a quirk of the release.

    Attributes:
        ratio: Share of a molecule's ordered triples that are used, drawn with replacement.
        fixed_triples: Whether a record has the same triples in every epoch, ``⌊ratio n (n-1) (n-2)⌋`` of
            them, which for small molecules is none. Otherwise they are drawn anew, at least one.
    """

    ratio: Share = 1e-3
    fixed_triples: bool = False


class AnglePrediction(Method[AnglePredictionConfig, Tensor]):
    r"""Regression of angles.

    Equation:
        \mathcal L = \frac{1}{M} \sum_{(a,b,c)} \left( w^\top [h_a, h_b, h_c] + w_0 - \angle_{bac}
            \right)^2

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "angle-prediction"

    def __init__(self, backbone: GeometryBackbone, config: AnglePredictionConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.head = nn.Linear(3 * backbone.width, 1)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Triples (a, b, c) of different atoms of one molecule, the angle being at a, [3, M] int64."""
        sizes = batch.sizes
        triples = sizes * (sizes - 1) * (sizes - 2)
        counts = (triples.double() * self.config.ratio).long()
        if not self.config.fixed_triples:
            counts = torch.maximum(counts, triples.clamp(max=1))
        molecule = torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), counts)
        if self.config.fixed_triples and batch.rows is not None:
            nth = torch.arange(len(molecule), device=sizes.device) - (counts.cumsum(0) - counts)[molecule]
            share = hashed(batch.rows[molecule], nth)
        else:
            share = uniform(generator, sizes.device, len(molecule))
        # The number of a triple is a + n (b' + (n-1) c'), where b' and c' leave out the atoms before them.
        size = sizes[molecule]
        number = (share * triples[molecule]).long()
        a = number % size
        b = number // size % (size - 1)
        c = number // size // (size - 1)
        b = b + (b >= a)
        low, high = torch.minimum(a, b), torch.maximum(a, b)
        c = c + (c >= low)
        c = c + (c >= high)
        return torch.stack([a, b, c]) + batch.ptr[molecule]

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`."""
        # A linear layer on three atoms is a sum of one on each.
        of_ends = nn.functional.linear(self.backbone(batch).scalars, self.head.weight.view(3, -1))
        values = sum(of_ends[atoms, end] for end, atoms in enumerate(draws)) + self.head.bias
        error = values - triple_angles(batch.positions, draws)
        return error.square().sum() / max(error.numel(), 1), {}


def triple_angles(positions: Tensor, triples: Tensor) -> Tensor:
    """Angle at a between b and c of each triple (a, b, c), [3, M] to radians [M]."""
    a, b, c = positions[triples]
    # The release's guard against atoms on top of each other, which makes the cosine a little less than it is.
    first, second = (way / (way.norm(dim=-1, keepdim=True) + 1e-5) for way in (b - a, c - a))
    return torch.arccos((first * second).sum(-1))


def hashed(first: Tensor, second: Tensor) -> Tensor:
    """Numbers in [0, 1) that two integers decide, evenly spread (the SplitMix64 finaliser), float64."""
    value = first * 0x1E3779B97F4A7C15 + second * 0x3C6EF372FE94F82A + 1
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        value = (value ^ ((value >> shift) & ((1 << (64 - shift)) - 1))) * factor
    value = value ^ ((value >> 31) & ((1 << 33) - 1))
    return ((value >> 11) & ((1 << 53) - 1)).double() / 2**53
