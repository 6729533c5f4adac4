"""Pieces that the encoders of pairs share."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from molbench.graph.pairs import MolecularGraphs
from molbench.kernels.products import Linear


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers with rectifiers between them, started like all linear layers of the release."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.ReLU(), Linear(inputs, outputs)]
    return nn.Sequential(*layers[1:]).apply(start)


def start(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases, where the module is a linear layer."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def read_out(readout: nn.Module, atoms: Tensor, graphs: MolecularGraphs) -> Tensor:
    """Atoms to molecules by ``Set2Set``, [N, D] to [R, 2 D]."""
    vectors: Tensor = readout(atoms, graphs.ptr)
    return vectors
