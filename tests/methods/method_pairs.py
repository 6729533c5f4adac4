"""Which methods the conformance tests try around which encoders, and on what, as the classes tell."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
import torch

from molbench.backbones import BACKBONES
from molbench.backbones.base import GeometryBackbone
from molbench.data.folder.location import locate
from molbench.data.read.store import Store
from molbench.graph.batch import Batch
from molbench.methods import METHODS
from molbench.methods.base import AnyMethod
from molbench.spec.catalogue import Catalogue
from molbench.testing import example_batch, small_backbone, with_random_labels


@cache
def vector_channels(backbone: str) -> int:
    """0 for an encoder without vectors, 1 for one vector of an atom, 2 for more."""
    built = small_backbone(backbone)
    return min(built.vector_channels, 2) if isinstance(built, GeometryBackbone) else 0


def fits(method: str, backbone: str) -> bool:
    """Whether the method can pretrain the encoder."""
    needed = METHODS[method]
    alike = needed.inputs == BACKBONES[backbone].inputs
    return alike and (not needed.needs_vectors or vector_channels(backbone) > 0)


def most_able(method: str) -> str:
    """An encoder that the method can pretrain, with as many vectors as there are."""
    fitting = [backbone for backbone in BACKBONES if fits(method, backbone)]
    return max(fitting, key=vector_channels)


def chosen_pairs() -> list[tuple[str, str]]:
    """Each method with one encoder of every kind, another one each time, and each encoder at least once."""
    kinds = defaultdict(list)
    for backbone, cls in BACKBONES.items():
        kinds[cls.inputs, vector_channels(backbone)].append(backbone)
    pairs = [
        (method, alike[number % len(alike)])
        for number, method in enumerate(METHODS)
        for alike in kinds.values()
        if fits(method, alike[0])
    ]
    left = BACKBONES.keys() - {backbone for _, backbone in pairs}
    return pairs + [(next(m for m in METHODS if fits(m, backbone)), backbone) for backbone in sorted(left)]


PAIRS = chosen_pairs()


@cache
def opened(dataset: str) -> Store:
    """The store of a built dataset, laid out once."""
    return Store.open(locate(dataset))


def store_for(method: AnyMethod) -> Store:
    """The first embedded dataset with records that the method reads and columns that it asks for."""
    for name, entry in Catalogue.load().entries.items():
        dataset = entry.dataset
        fitting = f"{dataset.record}s" == method.inputs and set(method.columns) <= dataset.columns.keys()
        if dataset.embedded and fitting and not dataset.subsets:
            return opened(name)
    raise LookupError(f"no embedded dataset for '{method.name}', which wants {method.columns}")


def real_batch(method: AnyMethod, records: int) -> Batch:
    """The first records of an embedded dataset that the method trains on."""
    store = store_for(method)
    train = store.rows("random", "train")
    method.prepare(store, train)
    rows = np.asarray(method.select(store, train))[:records]
    return method.reader(store).batch(rows, targets=method.columns)


def batch_for(method: AnyMethod, dtype: torch.dtype = torch.float64) -> Batch:
    """What a method reads, with the labels that it asks for."""
    if method.inputs != "molecules" or getattr(method.config, "spectra", {}):
        return real_batch(method, 6).to("cpu", dtype)
    # One molecule is so large that even the smallest share of its atoms, pairs and triples is something.
    return with_random_labels(example_batch((5, 1, 13, 2, 5), dtype=dtype), method.columns)
