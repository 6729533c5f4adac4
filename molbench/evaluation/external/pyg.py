"""Models of PyTorch Geometric, read where their features of atoms are, before the head of their paper.

Their neighbours need packages that are seldom there; where they are not, this program's take their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from molbench.graph.joins import triplets
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.edges import EdgeList

_MODELS = "torch_geometric.nn.models"


class PygAtoms(nn.Module):
    """Features of atoms of SchNet, DimeNet, DimeNet++ or ViSNet, [N, F].

    Args:
        model: One of these, or of a class made of them.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self._features = model, FEATURES[kind_of_pyg(model) or ""]

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        """Features of atoms.

        Args:
            z: Atomic numbers, [N].
            pos: Positions in Å, [N, 3].
            batch: Molecule of each atom, [N].
        """
        with radius_graphs():
            return self._features(self.model, z, pos, batch)


def kind_of_pyg(model: object) -> str | None:
    """Name of the model of PyTorch Geometric that something is, or None."""
    names = [kind.__name__ for kind in type(model).__mro__ if kind.__module__.startswith(_MODELS)]
    return next((name for name in names if name in FEATURES), None)


def _schnet(model: Any, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
    """What its two last layers are given."""
    (features,) = _inputs(model, [model.lin1], z, pos, batch)
    return features


def _dimenet(model: Any, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
    """The sum of what the last layers of its output blocks are given."""
    inputs = _inputs(model, [block.lin for block in model.output_blocks], z, pos, batch)
    return torch.stack(inputs).sum(dim=0)


def _visnet(model: Any, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
    features: Tensor = model.representation_model(z, pos, batch)[0]
    return features


FEATURES: dict[str, Callable[[Any, Tensor, Tensor, Tensor], Tensor]] = {
    "SchNet": _schnet,
    "DimeNet": _dimenet,
    "DimeNetPlusPlus": _dimenet,
    "ViSNet": _visnet,
}


def _inputs(model: Any, layers: list[nn.Module], z: Tensor, pos: Tensor, batch: Tensor) -> list[Tensor]:
    """What some layers are given in a pass through the model."""
    inputs: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs[layer] = arguments[0]

    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        model(z, pos, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return [inputs[layer] for layer in layers]


@contextmanager
def radius_graphs() -> Iterator[None]:
    """Within the block models of PyTorch Geometric find their neighbours, whatever is installed."""
    if find_spec("pyg_lib") or find_spec("torch_cluster"):
        yield
        return
    with ExitStack() as stack:
        for name in ("schnet", "dimenet", "visnet"):
            module = import_module(f"{_MODELS}.{name}")
            stack.callback(setattr, module, "radius_graph", module.radius_graph)
            module.radius_graph = radius_graph  # type: ignore[attr-defined]
        dimenet = import_module(f"{_MODELS}.dimenet")
        stack.callback(setattr, dimenet, "triplets", dimenet.triplets)
        dimenet.triplets = pyg_triplets  # type: ignore[attr-defined]
        yield


def radius_graph(
    x: Tensor, r: float, batch: Tensor, loop: bool = False, max_num_neighbors: int = 32, **_: Any
) -> Tensor:
    """Directed edges ``(source, target)`` of atoms nearer than ``r``, [2, E]; see ``radius_edges``."""
    ptr = torch.cat([batch.new_zeros(1), torch.bincount(batch).cumsum(0)])
    molecules = MoleculeBatch(torch.ones_like(batch), x, ptr)
    edges = radius_edges(molecules, float(r), max_num_neighbors).directed()
    source, target = edges.source, edges.target
    if loop:
        self_loops = torch.arange(len(x), device=x.device)
        source, target = torch.cat([source, self_loops]), torch.cat([target, self_loops])
    return torch.stack([source, target])


def pyg_triplets(edge_index: Tensor, num_nodes: int) -> tuple[Tensor, ...]:
    """Atoms and edges of all pairs of edges k → j → i of different k and i, as DimeNet wants them."""
    source, target = edge_index
    inward, onward = triplets(EdgeList(source, target, False), num_nodes)
    return target, source, target[onward], target[inward], source[inward], inward, onward
