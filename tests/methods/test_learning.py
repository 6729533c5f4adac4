"""Every method can be learned: on a few molecules that stay the same, its loss falls."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.data.folder.location import locate
from molbench.data.read.store import Store
from molbench.methods import METHODS, build_method
from molbench.methods.geossl_rr import GeoSSLRR
from tests.methods.learning import losses_on
from tests.methods.method_pairs import RELATIONAL, SMALL

STEPS, RECORDS = 12, 4
GRIDS = {"uv": 131, "ir": 351, "raman": 351}
SPECTRA = {name: {"points": points, "patch": 50, "stride": 50} for name, points in GRIDS.items()}
# Method to dataset, encoder and settings, where they are not PaiNN's on xtb-molecules.
OTHERS = {
    "molspectra": ("xtb-spectra", "painn", {"spectra": SPECTRA}),
    "3dmrl": ("xtb-solvation", "cigin", {"copies": 1, "interactions": 2}),
}


@cache
def opened(data: str) -> Store:
    """The store of an embedded dataset, laid out once."""
    return Store.open(locate(data))


@pytest.mark.parametrize("name", list(METHODS))
def test_the_loss_of_a_few_molecules_falls(name: str) -> None:
    """The noise is the same in every step, too."""
    data, encoder, settings = OTHERS.get(name, ("xtb-molecules", "painn", {}))
    store = opened(data)
    torch.manual_seed(0)
    method = build_method(name, build_backbone(encoder, SMALL.get(encoder, {})), settings)
    train = store.rows("random", "train")
    method.prepare(store, train)
    rows = np.asarray(method.select(store, train))[:RECORDS]
    batch = method.reader(store).batch(rows, targets=method.columns)
    sizes = record_sizes(method) if name == "geossl-rr" else []
    losses = np.array(losses_on(batch, method, STEPS, 1e-3 if name in RELATIONAL else 3e-3))
    if sizes:
        losses /= sizes[-STEPS:]
    assert np.mean(losses[-3:]) < 0.97 * losses[0], losses


def record_sizes(method: GeoSSLRR) -> list[float]:
    """Mean squares of the molecule vectors of both views, one each time they are compared.

    GeoSSL-RR reconstructs the encoder's own vectors, which nothing keeps from growing, and the loss with
    their square: what falls is the share that is not reconstructed.
    """
    compare, sizes = method.compare, []

    def recorded(first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        sizes.append(float(torch.cat([first, second]).detach().pow(2).mean()))
        return compare(first, second)

    method.compare = recorded
    return sizes
