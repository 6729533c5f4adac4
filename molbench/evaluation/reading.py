"""Records in the form an encoder takes them."""

from __future__ import annotations

from typing import Any

from molbench.backbones.base import Backbone
from molbench.data.read.loader import Source
from molbench.data.read.store import Store


def reader_for(backbone: Backbone, store: Store) -> Source[Any]:
    """The store itself for encoders of conformations, a reader of 2-D graphs for encoders of pairs.

    Raises:
        UserError: If an encoder of pairs meets records that are none.
    """
    if backbone.inputs == "molecules":
        return store
    from molbench.backbones.pairs.base import PairBackbone
    from molbench.data.read.pair_reader import PairReader

    if not isinstance(backbone, PairBackbone):
        raise TypeError(f"{type(backbone).__name__} reads pairs and is no PairBackbone")
    return PairReader(store, backbone.features, hydrogens=backbone.hydrogens)


def vectors_per_record(backbone: Backbone, store: Store) -> int:
    """How many molecule vectors the encoder gives for one record."""
    return store.parts if backbone.inputs == "molecules" else 1
