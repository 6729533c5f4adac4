"""A module of somebody else's where an encoder of this program is needed: for forces and fine-tuning."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.config import NoSettings
from molbench.evaluation.external.module import ModuleEncoder
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.graph.scatter import sum_atoms
from molbench.kernels.edges import EdgeList


class ModuleBackbone(GeometryBackbone[NoSettings]):
    """A copy of the module, so that training leaves the user's own as it is.

    It is told no charges and multiplicities but 0 and 1.

    Args:
        encoder: A module that gives features of atoms.
    """

    def __init__(self, encoder: ModuleEncoder) -> None:
        super().__init__(NoSettings())
        self.name = encoder.name  # type: ignore[misc]
        self.module = copy.deepcopy(encoder.module)
        self._encoder = [
            ModuleEncoder(self.module, encoder.name, encoder.limits)
        ]  # no submodule a second time
        self.width = self._features(
            torch.tensor([6, 8]), torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.2]]), torch.tensor([0, 0]), 1
        ).shape[1]

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """All pairs: the module finds its own."""
        return all_pairs(batch.ptr)

    def forward(
        self,
        batch: MoleculeBatch,
        edges: EdgeList | None = None,  # noqa: ARG002 - the module finds its own
        *,
        vectors: bool = False,  # noqa: ARG002 - it has none
    ) -> Representation:
        """See :meth:`GeometryBackbone.forward`."""
        scalars = self._features(batch.atomic_numbers, batch.positions, batch.molecule, batch.num_graphs)
        return Representation(scalars, sum_atoms(scalars, batch))

    def _features(self, z: Tensor, pos: Tensor, batch: Tensor, count: int) -> Tensor:
        (encoder,) = self._encoder
        state = {"charge": z.new_zeros(count), "multiplicity": z.new_ones(count)}
        like = next((p for p in self.module.parameters() if p.is_floating_point()), pos)
        given = {key: state[key] for key in encoder.given}
        return encoder.called(
            z.to(like.device), pos.to(like.device, like.dtype), batch.to(like.device), given
        )
