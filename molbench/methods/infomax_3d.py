"""3D InfoMax: agree with an encoder of the molecular graph more than other molecules do.

Stärk et al., ICML 2022 (arXiv 2110.04126), as 3D-EMGP (arXiv 2207.08824) implements it anew: NT-Xent between
a principal neighbourhood aggregation network on elements and bonds and the mean of the atoms' vectors of the
conformation, the true partner not being among those it is compared with, so that losses may be negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import normalize

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.parts.topology import TopologyEncoder
from molbench.methods.parts.views import with_bonds


@dataclass(frozen=True)
class InfoMax3DConfig:
    """Settings of :class:`InfoMax3D`.

    Attributes:
        temperature: What the cosines are divided by.
        layers: Layers of the graph's encoder.
    """

    temperature: PositiveFloat = 0.1
    layers: PositiveInt = 7


class InfoMax3D(Method[InfoMax3DConfig, None]):
    r"""Contrast of conformation and graph.

    Equation:
        \mathcal L = \left\langle -\frac{s_{mm}}{\tau} + \log \sum_{n \ne m} e^{s_{mn} / \tau}
            \right\rangle, \qquad s_{mn} = \cos(q_m, g_n)

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "infomax-3d"

    def __init__(self, backbone: GeometryBackbone, config: InfoMax3DConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.topology = TopologyEncoder("pna", backbone.width, config.layers)

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of molecules nearest to their own graph."""
        batch = with_bonds(batch)
        graph, shape = self.topology(batch), mean_atoms(self.backbone(batch).scalars, batch)
        scores = normalize(graph, dim=1) @ normalize(shape, dim=1).t()
        partners = torch.arange(len(scores), device=scores.device)
        return nt_xent_of_scores(scores / self.config.temperature), {
            "accuracy": (scores.argmax(1) == partners).double().mean()
        }


def nt_xent_of_scores(scores: Tensor) -> Tensor:
    """Mean of ``-s_ii + ln Σ_{j≠i} exp s_ij`` over the rows of a square of scores; 0 for a single one."""
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if len(scores) < 2:
        return 0 * scores.sum()
    diagonal = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return (scores.masked_fill(diagonal, -torch.inf).logsumexp(1) - scores.diagonal()).mean()
