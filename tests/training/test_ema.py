import torch
from torch import nn

from molbench.training.ema import average_of, averaged_weights


def test_average_by_hand_and_lent_weights() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = average_of(module, 0.75)
    for value in (8.0, 4.0, 0.0):
        nn.init.constant_(module.weight, value)
        average.update_parameters(module)
    # 8, then 0.75 * 8 + 0.25 * 4 = 7, then 0.75 * 7 = 5.25
    held = module.weight
    with averaged_weights(module, average):
        assert module.weight.item() == 5.25
    assert module.weight.item() == 0.0
    assert module.weight is held
    with averaged_weights(module, None):
        assert torch.equal(module.weight, torch.zeros(1, 1))
