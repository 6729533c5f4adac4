"""GCC: recognise a molecule by two random walks around its most bonded atom.

Qiu et al., KDD 2020 (arXiv 2006.09963), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder: each
walk follows bonds and often returns to its start, the atoms it saw are one form of the molecule, and both
forms are contrasted with those of the others in the batch as in GraphCL.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.augment import mean_vectors
from molbench.methods.parts.contrast import info_nce
from molbench.methods.parts.crop import keep_atoms
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.layers import two_layers
from molbench.methods.parts.views import with_bonds
from molbench.spec.config import Share


@dataclass(frozen=True)
class GCCConfig:
    """Settings of :class:`GCC`.

    Attributes:
        restart: Probability of returning to the start instead of walking on.
        steps: Length of a walk, returns included.
        temperature: What the dot products are divided by.
    """

    restart: Share = 0.8
    steps: PositiveInt = 64
    temperature: PositiveFloat = 0.1


class GCC(Method[GCCConfig, Tensor]):
    r"""Contrast of two pieces around one atom.

    Equation:
        \mathcal L = \left\langle -\log \frac{\exp(\hat g_m^\top \hat g'_m / \tau)}{\sum_n \exp(\hat
            g_m^\top \hat g'_n / \tau)} \right\rangle, \qquad g, g' \text{ of the atoms that two walks saw}

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "gcc"

    def __init__(self, backbone: GeometryBackbone, config: GCCConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.project = two_layers(backbone.width, backbone.width, backbone.width)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Two numbers in [0, 1) for each step of both walks of each molecule, [2, steps, 2, B]."""
        return uniform(generator, batch.ptr.device, 2, self.config.steps, 2, batch.num_graphs)

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of molecules recognised."""
        batch = with_bonds(batch)
        pieces = (keep_atoms(batch, walk(batch, one, self.config.restart)) for one in draws)
        first, second = mean_vectors(self.backbone, *pieces)
        loss, accuracy = info_nce(self.project(first), self.project(second), self.config.temperature)
        return loss, {"accuracy": accuracy}


def walk(batch: MoleculeBatch, numbers: Tensor, restart: float) -> Tensor:
    """Atoms seen on a walk along bonds from each molecule's most bonded atom, [N] bool.

    Args:
        batch: Molecules with bonds.
        numbers: In [0, 1): whether to return and whereto to go, in each step, [steps, 2, B].
        restart: Probability of returning to the start.
    """
    bonds = bonds_of(batch)
    bonds = torch.cat([bonds, bonds.flip(1)])
    neighbor = bonds[bonds[:, 0].argsort(stable=True), 1]
    degree = torch.bincount(bonds[:, 0], minlength=batch.num_atoms)
    first = degree.cumsum(0) - degree

    inhabited = batch.sizes > 0
    hub = _most_bonded(batch, degree)[inhabited]
    seen = torch.zeros(batch.num_atoms, dtype=torch.bool, device=degree.device).index_fill(0, hub, True)
    node = hub
    for back, whither in numbers[..., inhabited]:
        # An atom without bonds has nowhere to go; a return is a step of its own.
        branch = first[node] + (whither * degree[node]).long()
        there = neighbor[branch.clamp(max=len(neighbor) - 1)] if len(neighbor) else node
        node = torch.where((back < restart) | (degree[node] == 0), hub, there)
        seen = seen.index_fill(0, node, True)
    return seen


def _most_bonded(batch: MoleculeBatch, degree: Tensor) -> Tensor:
    """The first of the most bonded atoms of each molecule, [B] int64; nonsense where it has no atoms."""
    # A number that is the larger, the more bonds an atom has and, with equal bonds, the earlier it comes.
    atoms = torch.arange(batch.num_atoms, device=degree.device)
    score = degree * batch.num_atoms + (batch.num_atoms - 1 - atoms)
    best = score.new_zeros(batch.num_graphs).scatter_reduce(0, batch.molecule, score, "amax")
    return batch.num_atoms - 1 - best % max(batch.num_atoms, 1)
