"""What every encoder of pairs is and gives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from molbench.backbones.base import Backbone, Representation
from molbench.backbones.pairs.layers import perceptron
from molbench.graph.batch import Batch
from molbench.graph.pairs import PairBatch
from molbench.kernels.edges import EdgeList

if TYPE_CHECKING:
    from molbench.chem.features import Kind


@dataclass(frozen=True)
class PairConfig:
    """Settings of every encoder of pairs.

    Attributes:
        hydrogens: Whether hydrogens are atoms of the graphs. 3DMRL pretrains with them, and fine-tunes with
            them on free energies and drugs, without on chromophores.
    """

    hydrogens: bool = True


P_co = TypeVar("P_co", bound=PairConfig, covariant=True, default=PairConfig)


@dataclass(frozen=True, eq=False)
class PairRepresentation(Representation):
    """What an encoder says about R pairs.

    ``graph`` has one vector a pair, [R, F], and ``scalars`` are the atoms of the first molecules.

    Attributes:
        b_atoms: Features of the atoms of the second molecules, [N_b, D], or None.
    """

    b_atoms: Tensor | None = None


class PairBackbone(Backbone[P_co]):
    """An encoder of pairs of 2-D graphs; needs no conformer.

    Class attributes:
        features: Which featurisation it reads.

    Attributes:
        atom_width: Number of features of an atom in the representation, D.
    """

    inputs = "pairs"
    features: ClassVar[Kind] = "interaction"
    atom_width: int

    @property
    def hydrogens(self) -> bool:
        """Whether hydrogens are atoms of its graphs."""
        return self.config.hydrogens

    def paper_head(self) -> nn.Module:
        """The paper's predictor, newly initialised: vectors [R, F] to values [R, 1]."""
        return perceptron(self.width, 256, 128, 1)

    @abstractmethod
    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """Encode a batch of pairs."""

    def forward(
        self,
        batch: Batch | PairBatch,
        edges: EdgeList | None = None,  # noqa: ARG002 - there are none
        *,
        vectors: bool = False,  # noqa: ARG002 - nor vectors
    ) -> PairRepresentation:
        """See :meth:`encode`."""
        if not isinstance(batch, PairBatch):
            raise TypeError(f"'{self.name}' encodes pairs of 2-D graphs, not conformations")
        return self.encode(batch)

    def neighbors(self, batch: Batch) -> NoReturn:  # noqa: ARG002 - there are none
        """There are none: an encoder of 2-D graphs sees no distances."""
        raise TypeError(f"'{self.name}' encodes 2-D graphs and has no neighbours in space")

    def objective(
        self,
        head: Callable[[Tensor], Tensor],
        compare: Callable[[Tensor], Tensor],
        pairs: PairBatch,
        generator: torch.Generator,  # noqa: ARG002 - for encoders that draw
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of supervised training, for encoders that add terms of their own.

        Args:
            head: Vectors of pairs [R, F] to predictions [R].
            compare: Predictions [R] to the loss against the labels of the batch.
            pairs: The batch.
            generator: Source of every random number.
        """
        return compare(head(self.encode(pairs).graph)), {}
