"""What every encoder is and gives, and what an encoder of geometries adds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from molbench.backbones.config import C_co, Configured
from molbench.backbones.parts.layers import HEAVIEST
from molbench.data.read.elements import refuse_heavier
from molbench.errors import UserError
from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.spec.config import checked_config

if TYPE_CHECKING:
    from molbench.data.read.loader import RecordSource
    from molbench.data.read.store import Store
    from molbench.data.records.base import RecordKind

BatchT = TypeVar("BatchT", bound=Batch, default=Any)


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


class Backbone(nn.Module, ABC, Configured[C_co], Generic[C_co, BatchT]):
    """An encoder of the batches that its reader makes.

    Args:
        config: Settings; by default those of the paper.

    Raises:
        UserError: If a setting has the wrong type or is out of bounds.

    Class attributes:
        name: As registered.
        inputs: ``molecules`` with positions, or ``pairs`` of 2-D graphs.

    Attributes:
        width: Number of features of each atom and of each vector in ``Representation.graph``, F.
    """

    name: ClassVar[str]
    inputs: ClassVar[Literal["molecules", "pairs"]]
    width: int

    def __init__(self, config: C_co | None = None) -> None:
        super().__init__()
        name = getattr(self, "name", type(self).__name__)  # one that is not registered may have none
        self.config = self.Config() if config is None else checked_config(f"backbone '{name}'", config)

    @abstractmethod
    def forward(self, batch: BatchT, *, vectors: bool = False) -> Representation:
        """Encode a batch.

        Args:
            batch: What :meth:`reader` makes.
            vectors: Whether vectors are wanted; an encoder that has none leaves them None.
        """

    def __call__(self, batch: BatchT, *, vectors: bool = False) -> Representation:
        """See :meth:`forward`."""
        result: Representation = super().__call__(batch, vectors=vectors)
        return result

    @classmethod
    def reads(cls, record: RecordKind) -> bool:  # noqa: ARG003 - whatever has atoms
        """Whether it can encode records of a kind."""
        return True

    @abstractmethod
    def reader(self, store: Store) -> RecordSource[BatchT]:
        """What makes batches of the records of a store.

        Raises:
            UserError: If it cannot encode such records.
        """

    def check_records(self, store: Store, rows: np.ndarray | None = None) -> None:
        """Refuse records that it cannot encode, before any work is done; by default there are none.

        Args:
            store: The dataset.
            rows: Which records, [n] int64; None for all.

        Raises:
            UserError: Naming what it lacks and the first such record.
        """

    @abstractmethod
    def vectors_per_record(self, store: Store) -> int:
        """How many vectors ``Representation.graph`` has for one record, P."""

    @abstractmethod
    def distinct(self, store: Store, batch_size: int) -> tuple[Iterator[BatchT], np.ndarray]:
        """All there is to encode in a store, each different thing once.

        Returns:
            Batches, and which of all their vectors each record has, [n, P] int64.
        """

    def objective(
        self,
        head: Callable[[Representation], Tensor],
        compare: Callable[[Tensor], Tensor],
        batch: BatchT,
        generator: torch.Generator,  # noqa: ARG002 - for encoders that draw
        *,
        vectors: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of supervised training, for encoders that add terms of their own.

        Args:
            head: Representation to predictions, [R].
            compare: Predictions to the loss against the labels of the batch.
            batch: The batch.
            generator: Source of every random number.
            vectors: Whether the head reads vectors.
        """
        return compare(head(self(batch, vectors=vectors))), {}

    def read_hydrogens(self, explicit: bool) -> None:
        """Whether hydrogens that a SMILES implies are to be atoms; a geometry has the atoms it has."""

    def paper_head(self) -> nn.Module | None:
        """The paper's predictor, newly initialised, vectors [R, F] to values [R, 1]; None without one."""
        return None


class GeometryBackbone(Backbone[C_co, MoleculeBatch]):
    """An encoder of molecules with positions."""

    inputs = "molecules"

    @property
    def largest_element(self) -> int:
        """The largest atomic number that it has features for."""
        return HEAVIEST

    def check_records(self, store: Store, rows: np.ndarray | None = None) -> None:
        """See :meth:`Backbone.check_records`; elements must not be heavier than :attr:`largest_element`."""
        refuse_heavier(store, rows, f"backbone '{self.name}'", self.largest_element)

    @abstractmethod
    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """The edges that :meth:`forward` uses where none are given."""

    @abstractmethod
    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch.

        Args:
            batch: Molecules; differentiable in their positions.
            edges: Neighbours to use instead of :meth:`neighbors`.
            vectors: Whether vectors are wanted; an encoder that has none leaves them None.
        """

    def __call__(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """See :meth:`forward`."""
        result: Representation = nn.Module.__call__(self, batch, edges, vectors=vectors)
        return result

    @property
    def vector_channels(self) -> int:
        """Vectors it gives each atom, V, 0 where it has none; found by trying it on a diatomic."""
        like = next(self.parameters())
        positions = like.new_tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        diatomic = MoleculeBatch(torch.ones(2, dtype=torch.int64), positions, torch.tensor([0, 2]))
        with torch.no_grad():
            vectors = self(diatomic.to(like.device), vectors=True).vectors
        return 0 if vectors is None else vectors.shape[-1]

    def reader(self, store: Store) -> RecordSource[MoleculeBatch]:
        """The store itself."""
        return store

    def vectors_per_record(self, store: Store) -> int:
        """One of each molecule."""
        return store.molecules_per_record

    def distinct(self, store: Store, batch_size: int) -> tuple[Iterator[MoleculeBatch], np.ndarray]:
        """See :meth:`Backbone.distinct`; a molecule that many records share is there once."""
        return store.molecule_batches(batch_size), store.atom_index.index


def geometry_encoder(backbone: Backbone, purpose: str) -> GeometryBackbone:
    """The backbone, where it encodes geometries.

    Args:
        backbone: Any.
        purpose: What needs one, the start of the message.

    Raises:
        UserError: If it does not.
    """
    if not isinstance(backbone, GeometryBackbone):
        raise UserError(
            f"{purpose} needs an encoder of geometries; '{backbone.name}' encodes {backbone.inputs}"
        )
    return backbone
