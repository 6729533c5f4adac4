"""What every encoder is and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from molbench.backbones.config import C_co, Configured
from molbench.graph.batch import Batch
from molbench.kernels.edges import EdgeList


@dataclass(frozen=True, eq=False)
class Representation:
    """What an encoder says about a batch of N atoms in B molecules.

    Attributes:
        scalars: Rotation-invariant features of each atom, [N, F].
        graph: The same for each molecule, [B, F].
        vectors: Features of each atom that rotate with the molecule, [N, 3, V], or None.
    """

    scalars: Tensor
    graph: Tensor
    vectors: Tensor | None = None


class Backbone(nn.Module, ABC, Configured[C_co]):
    """An encoder, ``Backbone[Config]`` with the dataclass of its settings.

    Args:
        config: Settings; by default those of the paper.

    Class attributes:
        name: As registered.
        inputs: ``molecules`` with positions, or ``pairs`` of 2-D graphs.

    Attributes:
        width: Number of features of each atom and of each molecule, F.
    """

    name: ClassVar[str]
    inputs: ClassVar[Literal["molecules", "pairs"]] = "molecules"
    width: int

    def __init__(self, config: C_co | None = None) -> None:
        super().__init__()
        self.config = config or self.Config()

    @abstractmethod
    def neighbors(self, batch: Batch) -> EdgeList:
        """The edges that :meth:`forward` uses where none are given."""

    @abstractmethod
    def forward(
        self, batch: Batch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch.

        Args:
            batch: Molecules; differentiable in their positions.
            edges: Neighbours to use instead of :meth:`neighbors`.
            vectors: Whether vectors are wanted; an encoder that has none leaves them None.
        """

    def __call__(
        self, batch: Batch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """See :meth:`forward`."""
        result: Representation = super().__call__(batch, edges, vectors=vectors)
        return result
