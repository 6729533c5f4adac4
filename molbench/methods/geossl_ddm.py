"""GeoSSL-DDM: denoise the distances of one view of a molecule from the atom vectors of the other.

Liu, Guo, Tang, ICLR 2023 (arXiv 2206.13602). View 1 is the stored conformation, view 2 the same atoms with
Gaussian noise on their positions. For every unordered pair of atoms the distance d of one view is perturbed
to ``d~ = d + σ ε``, and a score ``s`` is read from the other view's atom vectors and d~ such that
``½ (s + ε/σ)² σ^β`` is least, summed over the pairs and averaged over the molecules and both directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.parts.layers import dense
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.convolution import sum_ends
from molbench.kernels.edges import EdgeList
from molbench.kernels.products import linear
from molbench.methods.base import Method
from molbench.methods.parts.crop import draw_pieces, keep_atoms
from molbench.methods.parts.draws import integers, normal
from molbench.methods.parts.views import TwoViewConfig, encode_views


@dataclass(frozen=True)
class GeoSSLDDMConfig(TwoViewConfig):
    """Settings of :class:`GeoSSLDDM`.

    Attributes:
        sigma_begin: Largest noise on a distance, Å.
        sigma_end: Smallest noise on a distance, Å.
        levels: Number of noise levels, a geometric sequence.
        beta: Power of σ that weights the loss.
    """

    sigma_begin: PositiveFloat = 10.0
    sigma_end: PositiveFloat = 0.01
    levels: PositiveInt = 50
    beta: NonNegativeFloat = 2.0


@dataclass(frozen=True, eq=False)
class GeoSSLDDMDraws:
    """Every random number of one loss on n of the N atoms, with P pairs in the order of :func:`all_pairs`.

    Attributes:
        position_noise: Displacement of the second view, Å, [n, 3].
        levels: Noise level of each molecule for either direction, two of [B] int64.
        distance_noise: Standard normal noise ε of each pair for either direction, two of [P].
        kept: Atoms that a crop left, [N] bool; None for all.
    """

    position_noise: Tensor
    levels: tuple[Tensor, Tensor]
    distance_noise: tuple[Tensor, Tensor]
    kept: Tensor | None = None


class ScoreHead(nn.Module):
    """Score of each pair's distance times σ, given both atoms and the noisy distance.

    Linear layers before a sum over the two atoms act on atoms, not on pairs.

    Args:
        width: Features of an atom, F.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.distance = nn.Sequential(dense(1, width), nn.ReLU(), dense(width, 1))
        self.pair = dense(width + 1, width)
        self.score = nn.Sequential(nn.ReLU(), dense(width, width // 2), nn.ReLU(), dense(width // 2, 1))

    def forward(self, atoms: Tensor, pairs: EdgeList, distances: Tensor) -> Tensor:
        """Atom vectors [N, F] and noisy distances in Å [P] to raw scores [P]."""
        encoded = self.distance(distances.unsqueeze(-1))
        of_atoms, of_distance = self.pair.weight[:, :-1], self.pair.weight[:, -1:]
        hidden = sum_ends(pairs, linear(atoms, of_atoms)) + linear(encoded, of_distance, self.pair.bias)
        score: Tensor = self.score(hidden)
        return score.squeeze(-1)


class GeoSSLDDM(Method[GeoSSLDDMConfig, GeoSSLDDMDraws]):
    r"""Denoising distance matching between two views.

    Equation:
        \mathcal L = \frac{1}{2} \sum_{v=1}^{2} \left\langle \sum_{i<j} \frac{\sigma^\beta}{2} \left(
            s(h^{(v)}_i, h^{(v)}_j, \tilde d_{ij}) + \frac{\epsilon_{ij}}{\sigma} \right)^2 \right\rangle,
            \qquad \tilde d_{ij} = d^{(3-v)}_{ij} + \sigma \epsilon_{ij}

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "geossl-ddm"
    sigmas: Tensor

    def __init__(self, backbone: GeometryBackbone, config: GeoSSLDDMConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        first, last = math.log(config.sigma_begin), math.log(config.sigma_end)
        sigmas = torch.linspace(first, last, config.levels, dtype=torch.float64).exp()
        self.register_buffer("sigmas", sigmas.float(), persistent=False)
        self.heads = nn.ModuleList(ScoreHead(backbone.width) for _ in range(2))

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> GeoSSLDDMDraws:
        """See :meth:`Method.draw`."""
        kept = draw_pieces(batch, self.config.crop, generator, twice=self.config.crop_twice)
        batch = keep_atoms(batch, kept)
        like, sizes, levels = batch.positions, batch.sizes, self.config.levels
        pairs = int((sizes * (sizes - 1)).sum()) // 2
        noise = self.config.view_noise * normal(generator, like, batch.num_atoms, 3)
        first, second = (integers(generator, levels, like.device, batch.num_graphs) for _ in range(2))
        distance_noise = normal(generator, like, pairs), normal(generator, like, pairs)
        return GeoSSLDDMDraws(noise, (first, second), distance_noise, kept)

    def loss_given(self, batch: MoleculeBatch, draws: GeoSSLDDMDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the loss of either direction."""
        batch = keep_atoms(batch, draws.kept)
        noisy = batch.replace(positions=batch.positions + draws.position_noise)
        clean_atoms, noisy_atoms = self._encode(batch, noisy)
        pairs = all_pairs(batch.ptr)
        molecule = batch.molecule[pairs.source]
        directions = (clean_atoms, noisy.positions), (noisy_atoms, batch.positions)
        losses = []
        for head, (atoms, positions), level, noise in zip(
            self.heads, directions, draws.levels, draws.distance_noise, strict=True
        ):
            sigma = self.sigmas.to(noise.dtype)[level][molecule]
            distances = pairs.distances(positions) + sigma * noise
            losses.append(self.matching(head(atoms, pairs, distances), noise, sigma).sum() / batch.num_graphs)
        first, second = losses
        return (first + second) / 2, {"view_1": first.detach(), "view_2": second.detach()}

    def matching(self, raw: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """``½ (s - t)² σ^β`` with the score ``s = raw/σ`` and its target ``t = -ε/σ``, all [P]."""
        return 0.5 * (raw + noise).square() * sigma ** (self.config.beta - 2)

    def _encode(self, clean: MoleculeBatch, noisy: MoleculeBatch) -> tuple[Tensor, Tensor]:
        """Atom vectors of both views."""
        first, second = encode_views(self.backbone, clean, noisy, reuse_edges=self.config.reuse_edges)
        return first.scalars, second.scalars
