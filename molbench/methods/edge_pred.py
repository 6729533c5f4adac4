"""EdgePred: tell bonded from other pairs of atoms by the dot product of their vectors.

Hamilton et al. 2017 and Hu et al., ICLR 2020 (arXiv 1905.12265), as 3D-EMGP (arXiv 2207.08824) implements it
anew: half of the bonds against as many pairs of atoms of the same molecule that are not bonded. The encoder
sees the whole molecule; one that is told the bonds is told the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from molbench.backbones.base import GeometryBackbone
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.methods.base import Method
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.layers import two_layers
from molbench.methods.parts.sampling import ranks
from molbench.spec.config import Share


@dataclass(frozen=True)
class EdgePredConfig:
    """Settings of :class:`EdgePred`.

    Attributes:
        ratio: Share of a molecule's bonds that are asked for, rounded up.
    """

    ratio: Share = 0.5


@dataclass(frozen=True, eq=False)
class EdgePredDraws:
    """The pairs asked for.

    Attributes:
        bonded: Atoms of some bonds, [P, 2] int64.
        others: Atoms of pairs that are not bonded, as many a molecule as there are, [Q, 2] int64.
    """

    bonded: Tensor
    others: Tensor


class EdgePred(Method[EdgePredConfig, EdgePredDraws]):
    r"""Classification of pairs of atoms.

    Equation:
        \mathcal L = -\frac{1}{2P} \left( \sum_{\text{bonded}} \log \varsigma(\hat h_i^\top \hat h_j) +
            \sum_{\text{others}} \log \varsigma(-\hat h_i^\top \hat h_j) \right)

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "edge-pred"

    def __init__(self, backbone: GeometryBackbone, config: EdgePredConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.project = two_layers(backbone.width, backbone.width, backbone.width)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> EdgePredDraws:
        """All random numbers for one batch, on its device."""
        bonds, pairs, device = bonds_of(batch), all_pairs(batch.ptr), batch.ptr.device
        first, second = bonds.sort(dim=1).values.unbind(1)
        keys = pairs.source * batch.num_atoms + pairs.target
        apart = ~torch.isin(keys, first * batch.num_atoms + second)
        others = torch.stack([pairs.source[apart], pairs.target[apart]], dim=1)

        owner, count = batch.molecule[first], batch.num_graphs
        asked = (torch.bincount(owner, minlength=count).double() * self.config.ratio).ceil().long()
        some = ranks(owner, uniform(generator, device, len(bonds))) < asked[owner]
        owner = batch.molecule[others[:, 0]]
        rest = ranks(owner, uniform(generator, device, len(others))) < asked[owner]
        return EdgePredDraws(bonds[some], others[rest])

    def loss_given(self, batch: MoleculeBatch, draws: EdgePredDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of pairs told right."""
        atoms = self.project(self.backbone(batch).scalars)
        first, second = torch.cat([draws.bonded, draws.others]).unbind(1)
        scores = (atoms[first] * atoms[second]).sum(1)
        bonded = torch.arange(len(scores), device=scores.device) < len(draws.bonded)
        count = max(len(scores), 1)
        loss = binary_cross_entropy_with_logits(scores, bonded.to(scores.dtype), reduction="sum") / count
        return loss, {"accuracy": ((scores > 0) == bonded).double().sum() / count}
