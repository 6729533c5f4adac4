"""GPT-GNN: name the next atom of a molecule that is built up breadth first.

Hu et al., KDD 2020 (arXiv 2006.15437), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder: the
first k atoms in the order of a breadth-first search, k drawn for each molecule, are encoded, and from the
mean of their vectors the element of the next is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.parts.crop import keep_atoms
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.named_elements import ElementMethod
from molbench.methods.parts.sampling import ranks
from molbench.methods.parts.views import bare, with_bonds


@dataclass(frozen=True)
class GPTGNNConfig:
    """Settings of :class:`GPTGNN`.

    Attributes:
        elements: Atomic numbers below this can be named.
    """

    elements: PositiveInt = 100


@dataclass(frozen=True, eq=False)
class GPTGNNDraws:
    """Every random number of one loss, all in [0, 1).

    Attributes:
        start: What each molecule's first atom is chosen by, [B].
        known: What its number of known atoms is chosen by, [B].
    """

    start: Tensor
    known: Tensor


class GPTGNN(ElementMethod[GPTGNNConfig, GPTGNNDraws]):
    r"""Classification of the next atom.

    Equation:
        \mathcal L = -\left\langle \log p\left(z_{k+1} \mid \tfrac{1}{k} \textstyle\sum_{i \le k}
            h_i(x_1 \dots x_k)\right) \right\rangle

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "gpt-gnn"

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> GPTGNNDraws:
        """All random numbers for one batch, on its device."""
        start, known = uniform(generator, batch.ptr.device, 2, batch.num_graphs)
        return GPTGNNDraws(start, known)

    def loss_given(self, batch: MoleculeBatch, draws: GPTGNNDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of atoms named right."""
        batch, sizes = with_bonds(batch), batch.sizes
        order = breadth_first(batch, (draws.start * sizes).long())
        # From two atoms on; molecules of less than three have no next one.
        known = 2 + (draws.known * (sizes - 2).clamp(min=0)).long()
        asked = (order == known[batch.molecule]).nonzero().squeeze(1)
        part = keep_atoms(bare(batch), order < known[batch.molecule])
        mean = mean_atoms(self.backbone(part).scalars, part)
        loss, right = self.element.compare(mean[batch.molecule[asked]], batch.atomic_numbers[asked])
        return loss, {"accuracy": right}


def breadth_first(batch: MoleculeBatch, start: Tensor) -> Tensor:
    """Place of each atom in a breadth-first search of its molecule, from 0, [N] int64.

    Atoms equally many bonds away come in the order they are listed; those that no bonds lead to come last.

    Args:
        batch: Molecules with bonds.
        start: The first atom, counted from 0 in each molecule, [B]; ignored where it has no atoms.
    """
    bonds = bonds_of(batch)
    source, target = torch.cat([bonds, bonds.flip(1)]).unbind(1)
    depth = torch.full_like(batch.molecule, batch.num_atoms)
    front = (batch.ptr[:-1] + start)[batch.sizes > 0]
    depth[front] = 0
    level = 0
    while front.numel():
        level += 1
        reached = torch.zeros_like(depth, dtype=torch.bool)
        reached[target[depth[source] == level - 1]] = True
        front = (reached & (depth == batch.num_atoms)).nonzero().squeeze(1)
        depth[front] = level
    order = depth * batch.num_atoms + torch.arange(batch.num_atoms, device=depth.device)
    return ranks(batch.molecule, order.double() / (batch.num_atoms + 1.0) ** 2)
