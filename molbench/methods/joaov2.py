"""JOAOv2: JOAO with a projection for each kind of change.

You et al., ICML 2021 (arXiv 2106.07594), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.methods.joao import JOAO
from molbench.methods.parts.augment import KINDS


class JOAOv2(JOAO):
    r"""Contrast of two changed forms, each seen through the network of its change.

    Equation:
        \mathcal L = \left\langle -\log \frac{\exp(\hat g_m^{(a)\top} \hat g_m'^{(b)} / \tau)}{\sum_n
            \exp(\hat g_m^{(a)\top} \hat g_n'^{(b)} / \tau)} \right\rangle, \qquad a, b \text{ the kinds of
            change}
    """

    name = "joaov2"

    def projection(self) -> nn.Module:
        """A network on molecule vectors for each kind of change."""
        return nn.ModuleList(super(JOAOv2, self).projection() for _ in KINDS)

    def projected(self, vectors: Tensor, kinds: Tensor) -> Tensor:
        """See :meth:`JOAO.projected`."""
        # All networks on all molecules are less work than their atoms, and leave no network without gradient.
        seen = torch.stack([one(vectors) for one in self.project.children()])
        return seen[kinds, torch.arange(len(vectors), device=vectors.device)]
