"""What every pretraining objective is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from molbench.backbones.base import Backbone
from molbench.graph.batch import Batch


class Method(nn.Module, ABC):
    """A pretraining objective around a backbone.

    Class attributes:
        name: As registered.
        Config: A frozen dataclass of builtins; its defaults are what the paper says.

    Attributes:
        backbone: The encoder; all else is thrown away after pretraining.
        config: The settings it was built with.
    """

    name: ClassVar[str]
    Config: ClassVar[type]
    config: Any

    def __init__(self, backbone: Backbone, config: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.config = config

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The objective on one batch.

        Args:
            batch: Molecules, on the device of the module.
            generator: Source of every random number, on any device; the same state gives the same loss.

        Returns:
            A scalar to minimise, and named parts of it to log, detached.
        """
