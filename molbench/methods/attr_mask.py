"""AttrMask: hide the element of some atoms of each molecule and name it.

Hu et al., ICLR 2020 (arXiv 1905.12265), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder:
hidden atoms become class 0, a small network on each atom's vector tells its element.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.named_elements import ElementMethod
from molbench.methods.parts.sampling import some_atoms
from molbench.spec.config import Share


@dataclass(frozen=True)
class AttrMaskConfig:
    """Settings of :class:`AttrMask`.

    Attributes:
        ratio: Share of a molecule's atoms that are hidden, at least one.
        elements: Atomic numbers below this can be named.
    """

    ratio: Share = 0.15
    elements: PositiveInt = 100


class AttrMask(ElementMethod[AttrMaskConfig, Tensor]):
    r"""Classification of hidden atoms.

    Equation:
        \mathcal L = -\frac{1}{|H|} \sum_{i \in H} \log p\left(z_i \mid h_i\right), \qquad z_j \to 0
            \text{ for } j \in H

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "attr-mask"

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Whether each atom is hidden, [N] bool."""
        return some_atoms(batch, self.config.ratio, uniform(generator, batch.ptr.device, batch.num_atoms))

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of hidden atoms named right."""
        masked = batch.replace(atomic_numbers=batch.atomic_numbers.masked_fill(draws, 0))
        atoms = self.backbone(masked).scalars[draws]
        loss, right = self.element.compare(atoms, batch.atomic_numbers[draws])
        return loss, {"accuracy": right}
