"""Two views of one molecule: the stored conformation, and the same atoms with noise on their positions."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.backbones.base import Backbone, Representation
from molbench.graph.batch import Batch
from molbench.graph.bonds import bonds_of
from molbench.methods.base import Method
from molbench.methods.parts.crop import crop
from molbench.methods.parts.draws import normal


@dataclass(frozen=True)
class TwoViewConfig:
    """What GeoSSL's objectives have in common.

    Attributes:
        view_noise: Standard deviation of the noise between the views, Å.
        crop: Share of the atoms cut off before the views are made, see
            :func:`~molbench.methods.parts.crop.crop`.
        crop_twice: Whether what a crop left is cropped again.
        reuse_edges: Whether the noisy view keeps the neighbours of the clean one.
    """

    view_noise: float = 0.3
    crop: float = 0.0
    crop_twice: bool = False
    reuse_edges: bool = False


class TwoViewMethod(Method):
    """An objective that compares the molecule vectors of both views."""

    config: TwoViewConfig

    def loss(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss`."""
        batch = crop(batch, self.config.crop, generator, twice=self.config.crop_twice)
        return self.loss_given(batch, self.draw(batch, generator))

    def draw(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Displacement of the second view, Å, [N, 3]."""
        return self.config.view_noise * normal(generator, batch.positions, batch.num_atoms, 3)

    def loss_given(self, batch: Batch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """:meth:`loss` of a cropped batch as the function of its random numbers that it is."""
        noisy = batch.replace(positions=batch.positions + draws)
        first, second = encode_views(self.backbone, batch, noisy, reuse_edges=self.config.reuse_edges)
        return self.compare(first.graph, second.graph)

    @abstractmethod
    def compare(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and its parts from the molecule vectors of both views, [B, F] each."""


def with_bonds(batch: Batch) -> Batch:
    """The molecules with their bonds, guessed where unknown, from positions that nothing has moved yet."""
    return batch if batch.bonds is not None else batch.replace(bonds=bonds_of(batch))


def bare(batch: Batch) -> Batch:
    """The molecules alone, without labels."""
    return Batch(batch.atomic_numbers, batch.positions, batch.ptr, bonds=batch.bonds)


def encode_views(
    backbone: Backbone, clean: Batch, noisy: Batch, *, reuse_edges: bool = False, vectors: bool = False
) -> tuple[Representation, Representation]:
    """Both views of the same molecules, from one pass of the encoder over twice as many.

    Args:
        backbone: Encoder.
        clean: The first view; where bonds are unknown, those of the other are guessed from this one too.
        noisy: The second.
        reuse_edges: Whether the second view keeps the neighbours of the first.
        vectors: Whether vectors are wanted.
    """
    first = bare(with_bonds(clean))
    both = Batch.collate([first, first.replace(positions=noisy.positions)])
    edges = backbone.neighbors(Batch.collate([first, first])) if reuse_edges else None
    found = backbone(both, edges, vectors=vectors)
    atoms, graphs = found.scalars.chunk(2), found.graph.chunk(2)
    ways = (None, None) if found.vectors is None else found.vectors.chunk(2)
    return Representation(atoms[0], graphs[0], ways[0]), Representation(atoms[1], graphs[1], ways[1])
