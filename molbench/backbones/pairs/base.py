"""What every encoder of pairs is and gives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from torch import Tensor, nn
from typing_extensions import TypeVar

from molbench.backbones.base import Backbone, Representation
from molbench.backbones.pairs.layers import perceptron
from molbench.data.read.loader import Loader
from molbench.data.read.pair_reader import PairReader
from molbench.graph.pairs import PairBatch

if TYPE_CHECKING:
    from molbench.chem.features import Kind
    from molbench.data.read.store import Store
    from molbench.data.records.base import RecordKind


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


class PairBackbone(Backbone[P_co, PairBatch]):
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

    def read_hydrogens(self, explicit: bool) -> None:
        """Whether hydrogens are to be atoms of its graphs from now on."""
        self.config = replace(self.config, hydrogens=explicit)

    @abstractmethod
    def encode(self, pairs: PairBatch) -> PairRepresentation:
        """Encode a batch of pairs."""

    def forward(
        self,
        batch: PairBatch,
        *,
        vectors: bool = False,  # noqa: ARG002 - there are none
    ) -> PairRepresentation:
        """See :meth:`encode`."""
        return self.encode(batch)

    def paper_head(self) -> nn.Module:
        """See :meth:`Backbone.paper_head`."""
        return perceptron(self.width, 256, 128, 1)

    @classmethod
    def reads(cls, record: RecordKind) -> bool:
        """Those whose molecules have 2-D graphs."""
        return record.molecule_table

    def reader(self, store: Store) -> PairReader:
        """A reader of pairs as 2-D graphs."""
        return PairReader(store, self.features, hydrogens=self.hydrogens)

    def vectors_per_record(self, store: Store) -> int:  # noqa: ARG002 - whatever the pairs are
        """One of a pair."""
        return 1

    def distinct(self, store: Store, batch_size: int) -> tuple[Iterator[PairBatch], np.ndarray]:
        """See :meth:`Backbone.distinct`: the pairs."""
        rows = np.arange(len(store))
        return Loader(self.reader(store), rows, batch_size, shuffle=False).epoch(0), rows[:, None]
