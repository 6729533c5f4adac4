"""Heads of released models, which checkpoints leave out."""

from torch import Tensor

from molbench.releases.base import State

_HEADS = ("fc1", "fc2", "fc3"), ("predictor.0", "predictor.2", "predictor.4"), ("predictor",)


def head_from_released(state: State) -> dict[str, Tensor]:
    """The predictor of a released state dict, for :meth:`PairBackbone.paper_head`."""
    layers = next(names for names in _HEADS if f"{names[0]}.weight" in state)
    return {
        f"{2 * index}.{kind}": state[f"{name}.{kind}"]
        for index, name in enumerate(layers)
        for kind in ("weight", "bias")
    }
