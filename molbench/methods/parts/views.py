"""Two views of one molecule: the stored conformation, and the same atoms with noise on their positions."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat
from torch import Tensor
from typing_extensions import TypeVar

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.base import Method
from molbench.methods.parts.crop import draw_pieces, keep_atoms
from molbench.methods.parts.draws import normal
from molbench.spec.config import Dropout


@dataclass(frozen=True)
class TwoViewConfig:
    """What GeoSSL's objectives have in common.

    Attributes:
        view_noise: Standard deviation of the noise between the views, Å.
        crop: Share of the atoms cut off before the views are made, see
            :func:`~molbench.methods.parts.crop.draw_pieces`.
        crop_twice: Whether what a crop left is cropped again.
        reuse_edges: Whether the noisy view keeps the neighbours of the clean one.
    """

    view_noise: NonNegativeFloat = 0.3
    crop: Dropout = 0.0
    crop_twice: bool = False
    reuse_edges: bool = False


@dataclass(frozen=True, eq=False)
class ViewDraws:
    """Every random number of one loss on n of the N atoms.

    Attributes:
        noise: Displacement of the second view, Å, [n, 3].
        kept: Atoms that a crop left, [N] bool; None for all.
    """

    noise: Tensor
    kept: Tensor | None = None


C_co = TypeVar("C_co", bound=TwoViewConfig, covariant=True, default=TwoViewConfig)


class TwoViewMethod(Method[C_co, ViewDraws]):
    """An objective that compares the molecule vectors of both views."""

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> ViewDraws:
        """See :meth:`Method.draw`."""
        kept = draw_pieces(batch, self.config.crop, generator, twice=self.config.crop_twice)
        noise = normal(generator, batch.positions, keep_atoms(batch, kept).num_atoms, 3)
        return ViewDraws(self.config.view_noise * noise, kept)

    def loss_given(self, batch: MoleculeBatch, draws: ViewDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; the parts are those of :meth:`compare`."""
        batch = keep_atoms(batch, draws.kept)
        noisy = batch.replace(positions=batch.positions + draws.noise)
        first, second = encode_views(self.backbone, batch, noisy, reuse_edges=self.config.reuse_edges)
        return self.compare(first.graph, second.graph)

    @abstractmethod
    def compare(self, first: Tensor, second: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and its parts from the molecule vectors of both views, [B, F] each."""


def with_bonds(batch: MoleculeBatch) -> MoleculeBatch:
    """The molecules with their bonds, guessed where unknown, from positions that nothing has moved yet."""
    return batch if batch.bonds is not None else batch.replace(bonds=bonds_of(batch))


def bare(batch: MoleculeBatch) -> MoleculeBatch:
    """The molecules alone, without labels."""
    return MoleculeBatch(batch.atomic_numbers, batch.positions, batch.ptr, bonds=batch.bonds)


def encode_views(
    backbone: GeometryBackbone,
    clean: MoleculeBatch,
    noisy: MoleculeBatch,
    *,
    reuse_edges: bool = False,
    vectors: bool = False,
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
    both = MoleculeBatch.collate([first, first.replace(positions=noisy.positions)])
    edges = backbone.neighbors(MoleculeBatch.collate([first, first])) if reuse_edges else None
    encoded = backbone(both, edges, vectors=vectors)
    atoms, graphs = encoded.scalars.chunk(2), encoded.graph.chunk(2)
    channels = (None, None) if encoded.vectors is None else encoded.vectors.chunk(2)
    return Representation(atoms[0], graphs[0], channels[0]), Representation(atoms[1], graphs[1], channels[1])
