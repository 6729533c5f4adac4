"""Atom type prediction: hide the element of some atoms and tell it from their surroundings.

The baseline of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602), whose release calls it "charge
prediction": a share of the atoms of the whole batch become unknown, a linear layer names them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.heads.node_class import NodeClassHead
from molbench.backbones.parts.layers import AtomEmbedding, Vocabulary
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.draws import uniform
from molbench.spec.config import Share


@dataclass(frozen=True)
class TypePredictionConfig:
    """Settings of :class:`TypePrediction`.

    Attributes:
        ratio: Share of the atoms of a batch that are hidden.
        vocabulary: What is told apart. ``geossl``: the release's nine classes, of which the last stands for
            hidden atoms and for all elements but eight.
    """

    ratio: Share = 0.15
    vocabulary: Vocabulary = "elements"


class TypePrediction(Method[TypePredictionConfig, Tensor]):
    r"""Classification of hidden atoms.

    Equation:
        \mathcal L = -\frac{1}{|H|} \sum_{i \in H} \log p\left(z_i \mid h_i\right), \qquad z_j \to 0
            \text{ for } j \in H

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "type-prediction"
    classes: Tensor

    def __init__(self, backbone: GeometryBackbone, config: TypePredictionConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        classes = AtomEmbedding(1, config.vocabulary).classes
        self.register_buffer("classes", classes, persistent=False)
        self.head = NodeClassHead(backbone.width, int(classes.max()) + 1, hidden=False)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Atoms to hide, at least one, [M] int64."""
        count = max(int(batch.num_atoms * self.config.ratio), 1)
        return uniform(generator, batch.ptr.device, batch.num_atoms).argsort()[:count]

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the share of hidden atoms named right."""
        # No element has number 0, so every vocabulary has it in its class of unknown atoms.
        masked = batch.replace(atomic_numbers=batch.atomic_numbers.index_fill(0, draws, 0))
        atoms = self.backbone(masked).scalars[draws]
        loss, right = self.head.compare(atoms, self.classes[batch.atomic_numbers[draws]])
        return loss, {"accuracy": right}
