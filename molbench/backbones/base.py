"""What every encoder is and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

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


class Backbone(nn.Module, ABC):
    """An encoder.

    Class attributes:
        name: As registered.
        Config: A frozen dataclass of builtins; its defaults are what the paper says.
        inputs: ``molecules`` with positions, or ``pairs`` of 2-D graphs.

    Attributes:
        config: The settings it was built with.
        width: Number of features of each atom and of each molecule, F.
    """

    name: ClassVar[str]
    Config: ClassVar[type]
    inputs: ClassVar[Literal["molecules", "pairs"]] = "molecules"
    config: Any
    width: int

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
