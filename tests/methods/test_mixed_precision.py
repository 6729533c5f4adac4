"""Losses in bfloat16 stay near those in single precision."""

import pytest
import torch

from molbench.testing import small_backbone, small_method
from tests.methods.method_pairs import PAIRS, batch_for

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "backbone"), PAIRS)
def test_mixed_precision_stays_near_single(name: str, backbone: str) -> None:
    torch.manual_seed(0)
    method = small_method(name, small_backbone(backbone))
    batch = batch_for(method, torch.float32)
    exact, _ = method.loss(batch, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = method.loss(batch, torch.Generator().manual_seed(0))
    mixed.backward()
    torch.testing.assert_close(mixed, exact, rtol=0.05, atol=0.05)
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)
