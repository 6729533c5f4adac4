"""The information bottleneck of CGIB on the atoms of the first molecules.

Lee, Hyun, Na, Kim, Lee, Park, ICML 2023 (arXiv 2305.01520), as 3DMRL (arXiv 2412.02957) releases it. A
gate in (0, 1) for each atom, a relaxed coin toss, mixes its features with noise that has the mean and the
spread of its molecule's atoms; what passes is bounded by a Kullback-Leibler divergence from that noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from molbench.graph.pairs import MolecularGraphs

# Uniform numbers are kept this far from 0 and 1 before their logarithm, spreads from 0 before a division by
# them, and the count of degrees of freedom from 0 for single atoms.
_COIN, _SPREAD, _FREEDOM = 1e-4, 1e-7, 1e-6


@dataclass(frozen=True, eq=False)
class BottleneckDraws:
    """Every random number of one bottleneck.

    Attributes:
        coins: Uniform in [0, 1), one an atom, [N, 1].
        noise: Standard normal, or as the release has it uniform in [0, 1), [N, D].
    """

    coins: Tensor
    noise: Tensor


@dataclass(frozen=True, eq=False)
class Squeezed:
    """What a bottleneck lets through.

    Attributes:
        atoms: Mixed features, [N, D].
        divergence: Mean over molecules and features, a scalar.
        preserved: Share of atoms more likely to be kept than not, detached.
    """

    atoms: Tensor
    divergence: Tensor
    preserved: Tensor


class Bottleneck(nn.Module):
    """Gate, noise and divergence.

    Args:
        width: Features of an atom, D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = width // 2
        self.score = nn.Sequential(
            nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def draw(self, atoms: Tensor, generator: torch.Generator, *, uniform: bool) -> BottleneckDraws:
        """Random numbers for some atoms, of their type and on their device."""
        kind = torch.rand if uniform else torch.randn
        device, dtype = generator.device, atoms.dtype
        coins = torch.rand(len(atoms), 1, generator=generator, device=device, dtype=dtype)
        noise = kind(atoms.shape, generator=generator, device=device, dtype=dtype)
        return BottleneckDraws(coins.to(atoms.device), noise.to(atoms.device))

    def importance(self, atoms: Tensor) -> Tensor:
        """Probability that each atom is kept, [N]."""
        kept: Tensor = self.score(atoms).sigmoid().squeeze(-1)
        return kept

    def forward(self, atoms: Tensor, graphs: MolecularGraphs, draws: BottleneckDraws) -> Squeezed:
        """Send atoms through the bottleneck."""
        logits = self.score(atoms)
        coins = _COIN + (1 - 2 * _COIN) * (1 - draws.coins)
        gate = (coins.log() - (1 - coins).log() + logits).sigmoid()
        mean, spread = _statistics(atoms.detach(), graphs)
        of_atom = graphs.molecule
        shift = gate * (atoms - mean[of_atom])
        noise = (1 - gate) * spread[of_atom]
        unit = spread[of_atom] + _SPREAD
        variance = _sum((noise / unit).square().mean(1, keepdim=True), graphs)
        divergence = 0.5 * variance + _sum((shift / unit).square(), graphs)
        preserved = (logits > 0).to(atoms.dtype).mean().detach()
        return Squeezed(mean[of_atom] + shift + noise * draws.noise, divergence.mean(), preserved)


def _statistics(atoms: Tensor, graphs: MolecularGraphs) -> tuple[Tensor, Tensor]:
    """Mean and unbiased standard deviation of each feature in each molecule, [R, D] each."""
    sizes = graphs.sizes.to(atoms.dtype).unsqueeze(-1)
    mean = _sum(atoms, graphs) / sizes.clamp(min=1)
    squares = _sum((atoms - mean[graphs.molecule]).square(), graphs)
    return mean, (squares / ((sizes - 1).clamp(min=0) + _FREEDOM)).sqrt()


def _sum(values: Tensor, graphs: MolecularGraphs) -> Tensor:
    total: Tensor = scatter(values, graphs.molecule, dim_size=graphs.num_graphs, reduce="sum")
    return total
