"""What every pretraining objective is: random numbers to draw, and a loss that is a function of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from molbench.backbones.base import Backbone, GeometryBackbone
from molbench.backbones.config import C_co, Configured
from molbench.errors import UserError
from molbench.graph.batch import Batch
from molbench.graph.molecules import MoleculeBatch

if TYPE_CHECKING:
    from molbench.data.read.loader import RecordSource
    from molbench.data.read.store import Store

D = TypeVar("D", default=Any)
B = TypeVar("B", bound=Batch, default=MoleculeBatch)
E = TypeVar("E", bound=Backbone, default=GeometryBackbone)


class Method(nn.Module, ABC, Configured[C_co], Generic[C_co, D, B, E]):
    """A pretraining objective around a backbone.

    ``Method[Config, Draws]`` names the dataclass of its settings and the type of its random numbers, which is
    None where nothing is random. Two more are the types of its batches and of its backbone, where these are
    not molecules and an encoder of geometries.

    Args:
        backbone: The encoder to pretrain.
        config: Settings; by default those of the paper.

    Class attributes:
        name: As registered.
        inputs: What the backbones that it can pretrain encode, see there.
        needs_vectors: Whether these must give vectors of atoms.
        smallest_batch: Records that a batch must have.

    Attributes:
        backbone: The encoder; all else is thrown away after pretraining.
    """

    name: ClassVar[str]
    inputs: ClassVar[Literal["molecules", "pairs"]] = "molecules"
    needs_vectors: ClassVar[bool] = False
    smallest_batch: ClassVar[int] = 1

    def __init__(self, backbone: E, config: C_co | None = None) -> None:
        super().__init__()
        if backbone.inputs != self.inputs:
            raise UserError(
                f"'{self.name}' pretrains encoders of {self.inputs}; "
                f"'{backbone.name}' encodes {backbone.inputs}"
            )
        self.backbone = backbone
        self.config = config or self.Config()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the dataset that the loss finds in ``batch.targets``."""
        return ()

    @property
    def lr_factors(self) -> Mapping[str, float]:
        """Learning rates as multiples of the run's, by the start of the parameters' names."""
        return {}

    @property
    def selection(self) -> str:
        """What of the training records :meth:`select` takes, for whoever waits for it; empty for all."""
        return ""

    def select(self, store: Store, rows: np.ndarray) -> np.ndarray:  # noqa: ARG002 - for those that choose
        """Rows for :meth:`reader` to train on, made from the training records [n]; by default the records.

        Of a store of pairs they may be combinations, the first molecule of one record with the second of
        another, [m, 2].
        """
        return rows

    def reader(self, store: Store) -> RecordSource[B]:
        """What makes batches of rows; by default what the backbone reads."""
        source: RecordSource[B] = self.backbone.reader(store)
        return source

    def check_records(self, store: Store, rows: np.ndarray) -> None:
        """Refuse records that cannot be trained on; by default those that the backbone cannot encode.

        Args:
            store: The dataset.
            rows: Rows that are to be trained on, [n] int64.

        Raises:
            UserError: Naming what the backbone or the objective lacks, and the first such record.
        """
        self.backbone.check_records(store, rows)

    def prepare(self, store: Store, rows: np.ndarray) -> None:
        """Learn what must be known of the data before training; the results are persistent buffers.

        Args:
            store: The dataset.
            rows: Rows that will be trained on, [n] int64.
        """

    def loss(self, batch: B, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective on one batch.

        Args:
            batch: What :meth:`reader` makes, on the device of the module.
            generator: Source of every random number, on any device; the same state gives the same loss.

        Returns:
            A scalar to minimise, and named parts of it to log, detached.
        """
        return self.loss_given(batch, self.draw(batch, generator))

    def draw(self, batch: B, generator: torch.Generator) -> D:  # noqa: ARG002 - by default nothing is random
        """All random numbers for one batch, on its device."""
        return None  # type: ignore[return-value]  # which D then is

    @abstractmethod
    def loss_given(self, batch: B, draws: D) -> tuple[Tensor, dict[str, Tensor]]:
        """:meth:`loss` as the function of its random numbers that it is."""


AnyMethod = Method[Any, Any, Any, Any]
"""Whatever it draws, reads and pretrains."""
