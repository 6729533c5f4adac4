"""Weights as 3D-EMGP writes them, made up."""

import torch
from torch import Tensor


def egnn(width: int = 4, layers: int = 2) -> dict[str, Tensor]:
    """Random weights of its EGNN under its names."""
    shapes: dict[str, tuple[int, ...]] = {"embedding_in.weight": (width, 300), "embedding_in.bias": (width,)}
    for layer in range(layers):
        for name, *shape in (
            ("edge_mlp.0", width, 2 * width + 5),
            ("edge_mlp.2", width, width),
            ("node_mlp.0", width, 2 * width),
            ("node_mlp.2", width, width),
            ("att_mlp.0", 1, width),
            ("coord_mlp.0", width, width),
        ):
            shapes |= {f"gcl_{layer}.{name}.weight": tuple(shape), f"gcl_{layer}.{name}.bias": (shape[0],)}
        shapes[f"gcl_{layer}.coord_mlp.2.weight"] = (1, width)
    return {name: torch.randn(shape) for name, shape in shapes.items()}
