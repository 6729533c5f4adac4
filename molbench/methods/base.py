"""What every pretraining objective is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from molbench.backbones.base import Backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.data.read.loader import Source
from molbench.data.read.pair_reader import PairReader
from molbench.graph.batch import Batch

if TYPE_CHECKING:
    from molbench.data.read.store import Store


class Method(nn.Module, ABC):
    """A pretraining objective around a backbone.

    Class attributes:
        name: As registered.
        Config: A frozen dataclass of builtins; its defaults are what the paper says.
        random: Whether the loss depends on the generator.
        smallest_batch: Records that a batch must have.

    Attributes:
        backbone: The encoder; all else is thrown away after pretraining.
        config: The settings it was built with.
    """

    name: ClassVar[str]
    Config: ClassVar[type]
    random: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 1
    config: Any

    def __init__(self, backbone: Backbone, config: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.config = config

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the dataset that the loss finds in ``batch.targets``."""
        return ()

    @property
    def lr_factors(self) -> Mapping[str, float]:
        """Learning rates as multiples of the run's, by the start of the parameters' names."""
        return {}

    def select(self, store: Store, rows: np.ndarray) -> np.ndarray:  # noqa: ARG002 - for those that choose
        """Rows for :meth:`reader` to train on, made from the training records [n]; by default the records.

        Rows of a store of pairs may be combinations, see :func:`~molbench.data.leakage.pairs.sides`.
        """
        return rows

    def reader(self, store: Store) -> Source[Any]:
        """What makes batches of rows: the store, or for encoders of pairs a reader of their graphs."""
        if not isinstance(self.backbone, PairBackbone):
            return store
        return PairReader(store, self.backbone.features, hydrogens=self.backbone.hydrogens)

    def prepare(self, store: Store, rows: np.ndarray) -> None:
        """Learn what must be known of the data before training; the results are persistent buffers.

        Args:
            store: The dataset.
            rows: Rows that will be trained on, [n] int64.
        """

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective on one batch.

        Args:
            batch: Molecules, on the device of the module.
            generator: Source of every random number, on any device; the same state gives the same loss.

        Returns:
            A scalar to minimise, and named parts of it to log, detached.
        """
