"""Every method can be learned: on a few molecules that stay the same, its loss falls."""

import numpy as np
import pytest
import torch
from torch import Tensor

from molbench.methods import METHODS
from molbench.methods.geossl_rr import GeoSSLRR
from molbench.testing import small_backbone, small_method
from tests.methods.learning import losses_on
from tests.methods.method_pairs import most_able, real_batch

STEPS, RECORDS = 12, 4


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_the_loss_of_a_few_records_falls(name: str) -> None:
    """The noise is the same in every step, too."""
    torch.manual_seed(0)
    method = small_method(name, small_backbone(most_able(name)))
    batch = real_batch(method, RECORDS)
    sizes = record_sizes(method) if isinstance(method, GeoSSLRR) else []
    losses = np.array(losses_on(batch, method, STEPS, 1e-3))
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
