"""What objectives share that name the elements of atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol

import numpy as np
from typing_extensions import TypeVar

from molbench.backbones.base import GeometryBackbone
from molbench.backbones.heads.node_class import NodeClassHead
from molbench.data.read.elements import refuse_heavier
from molbench.methods.base import D, Method

if TYPE_CHECKING:
    from molbench.data.read.store import Store


class ElementSettings(Protocol):
    """Settings of such an objective."""

    @property
    def elements(self) -> int:
        """Atomic numbers below this can be named."""


S_co = TypeVar("S_co", bound=ElementSettings, covariant=True)


class ElementMethod(Method[S_co, D], Generic[S_co, D]):
    """An objective with a head that names the element of an atom.

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    def __init__(self, backbone: GeometryBackbone, config: S_co | None = None) -> None:
        super().__init__(backbone, config)
        self.element = NodeClassHead(backbone.width, self.config.elements, hidden=True)

    def check_records(self, store: Store, rows: np.ndarray) -> None:
        """See :meth:`Method.check_records`; elements must be below ``elements``."""
        super().check_records(store, rows)
        refuse_heavier(store, rows, f"method '{self.name}'", self.config.elements - 1)
