"""AttrMask: hide the element of some atoms of each molecule and name it.

Hu et al., ICLR 2020 (arXiv 1905.12265), as 3D-EMGP (arXiv 2207.08824) implements it anew on its encoder:
hidden atoms become class 0, a small network on each atom's vector tells its element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.heads.node_class import NodeClassHead
from molbench.data.read.elements import refuse_heavier
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.draws import uniform
from molbench.methods.parts.sampling import some_atoms

if TYPE_CHECKING:
    from molbench.data.read.store import Store


@dataclass(frozen=True)
class AttrMaskConfig:
    """Settings of :class:`AttrMask`.

    Attributes:
        ratio: Share of a molecule's atoms that are hidden, at least one.
        elements: Atomic numbers below this can be named.
    """

    ratio: float = 0.15
    elements: int = 100


class AttrMask(Method[AttrMaskConfig, Tensor]):
    r"""Classification of hidden atoms.

    Equation:
        \mathcal L = -\frac{1}{|H|} \sum_{i \in H} \log p\left(z_i \mid h_i\right), \qquad z_j \to 0
            \text{ for } j \in H

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "attr-mask"

    def __init__(self, backbone: GeometryBackbone, config: AttrMaskConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.element = NodeClassHead(backbone.width, config.elements, hidden=True)

    def check_records(self, store: Store, rows: np.ndarray) -> None:
        """See :meth:`Method.check_records`; elements must be below ``elements``."""
        super().check_records(store, rows)
        refuse_heavier(store, rows, f"method '{self.name}'", self.config.elements - 1)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Whether each atom is hidden, [N] bool."""
        return some_atoms(batch, self.config.ratio, uniform(generator, batch.ptr.device, batch.num_atoms))

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of hidden atoms named right."""
        masked = batch.replace(atomic_numbers=batch.atomic_numbers.masked_fill(draws, 0))
        atoms = self.backbone(masked).scalars[draws]
        loss, right = self.element.compare(atoms, batch.atomic_numbers[draws])
        return loss, {"accuracy": right}
