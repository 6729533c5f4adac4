"""CGIB: CIGIN that is trained through an information bottleneck on its first molecules.

Lee, Hyun, Na, Kim, Lee, Park, ICML 2023 (arXiv 2305.01520), in the form that 3DMRL (arXiv 2412.02957) uses.
What is predicted is what CIGIN would predict; the bottleneck only adds terms to the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from typing_extensions import TypeVar

from molbench.backbones.base import Representation
from molbench.backbones.pairs.base import PairRepresentation
from molbench.backbones.pairs.bottleneck import Bottleneck, BottleneckDraws
from molbench.backbones.pairs.cigin import CIGIN, CIGINConfig
from molbench.backbones.pairs.layers import read_out, start
from molbench.graph.pairs import PairBatch


@dataclass(frozen=True)
class CGIBConfig(CIGINConfig):
    """Settings of :class:`CGIB`.

    Attributes:
        beta: Weight of the divergence and of the term that ties what passes to the second molecule.
        uniform_noise: Mix in noise uniform in [0, 1) instead of normal noise, as the release does.
    """

    beta: NonNegativeFloat = 1.0
    uniform_noise: bool = False


C_co = TypeVar("C_co", bound=CGIBConfig, covariant=True, default=CGIBConfig)


class CGIB(CIGIN[C_co]):
    """CGIB encoder; the second molecule's vector is predicted from what passes.

    Args:
        config: Settings.
    """

    name = "cgib"

    def __init__(self, config: C_co | None = None) -> None:
        super().__init__(config)
        half = self.width // 2
        self.bottleneck = Bottleneck(self.atom_width).apply(start)
        self.partner = nn.Linear(half, half).apply(start)

    def objective(
        self,
        head: Callable[[Representation], Tensor],
        compare: Callable[[Tensor], Tensor],
        batch: PairBatch,
        generator: torch.Generator,
        *,
        vectors: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Backbone.objective`; logs the four terms and the share of atoms preserved.

        In evaluation there is no bottleneck: a validation loss is that of what is predicted.
        """
        if not self.training:
            return super().objective(head, compare, batch, generator, vectors=vectors)
        atoms = self.interacting_atoms(batch)
        draws = self.bottleneck.draw(atoms[0], generator, uniform=self.config.uniform_noise)
        return self._objective(head, compare, batch, atoms, draws)

    def objective_given(
        self,
        head: Callable[[Representation], Tensor],
        compare: Callable[[Tensor], Tensor],
        pairs: PairBatch,
        draws: BottleneckDraws,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """:meth:`objective` as the function of its random numbers that it is."""
        return self._objective(head, compare, pairs, self.interacting_atoms(pairs), draws)

    def tie(self, passed: Tensor, second: Tensor) -> Tensor:
        """Squared error of the second molecule's vector as predicted from what passes, both [R, F / 2]."""
        return mse_loss(self.partner(passed), second)

    def _objective(
        self,
        head: Callable[[Representation], Tensor],
        compare: Callable[[Tensor], Tensor],
        pairs: PairBatch,
        atoms: tuple[Tensor, Tensor],
        draws: BottleneckDraws,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        a, b = atoms
        squeezed = self.bottleneck(a, pairs.a, draws)
        first, second = read_out(self.readout_a, a, pairs.a), read_out(self.readout_b, b, pairs.b)
        passed = read_out(self.readout_a, squeezed.atoms, pairs.a)
        parts = {
            "clean": compare(head(PairRepresentation(a, torch.cat([first, second], dim=-1), b_atoms=b))),
            "bottleneck": compare(
                head(PairRepresentation(squeezed.atoms, torch.cat([passed, second], dim=-1), b_atoms=b))
            ),
            "divergence": squeezed.divergence,
            "partner": self.tie(passed, second),
        }
        total = parts["clean"] + parts["bottleneck"]
        total = total + self.config.beta * (parts["divergence"] + parts["partner"])
        logs = {name: value.detach() for name, value in parts.items()}
        return total, logs | {"preserved": squeezed.preserved}
