"""Losses in bfloat16 stay near those in single precision."""

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.methods import build_method
from tests.methods.method_pairs import PAIRS, SMALL, batch_for


@pytest.mark.parametrize(("name", "backbone"), [pair for pair in PAIRS if pair[1] != "painn"])
def test_mixed_precision_stays_near_single(name: str, backbone: str) -> None:
    torch.manual_seed(0)
    method = build_method(name, build_backbone(backbone, SMALL[backbone]))
    batch = batch_for(method, torch.float32)
    exact, _ = method.loss(batch, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = method.loss(batch, torch.Generator().manual_seed(0))
    mixed.backward()
    torch.testing.assert_close(mixed, exact, rtol=0.05, atol=0.05)
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)
