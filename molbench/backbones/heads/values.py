"""From a representation to predictions: values of molecules, energies, conservative forces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic

import torch
from torch import Tensor, nn

from molbench.backbones.base import BatchT, GeometryBackbone, Representation
from molbench.backbones.heads.gated import ScalarVectorHead
from molbench.backbones.parts.layers import dense
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.kernels.products import Linear


class Head(nn.Module, ABC, Generic[BatchT]):
    """What an encoder says about a batch to values.

    Attributes:
        vectors: Whether it reads the vectors of atoms, for which an encoder must be asked.
    """

    vectors: bool = False

    @abstractmethod
    def forward(self, representation: Representation, batch: BatchT) -> Tensor:
        """Representation and its batch to values."""


def halving(width: int, outputs: int = 1) -> nn.Sequential:
    """Vectors [..., F] to values [..., outputs]: Linear(F, F/2), SiLU, Linear(F/2, outputs)."""
    return nn.Sequential(Linear(width, width // 2), nn.SiLU(), Linear(width // 2, outputs))


class AtomHead(Head[MoleculeBatch]):
    """A head that reads a scalar of each atom, and a vector where the encoder has some.

    A small network of the atom's scalars, or two gated equivariant blocks of scalars and vectors together, as
    the output models of TorchMD-NET (arXiv 2202.02541).

    Args:
        width: Scalars of an atom, F.
        channels: Vectors of an atom, 0 to read the scalars alone; mixed to F where they are not as many.
    """

    def __init__(self, width: int, channels: int = 0) -> None:
        super().__init__()
        self.vectors = channels > 0
        if channels:
            self.widen = nn.Identity() if channels == width else dense(channels, width, bias=False)
        self.layers = ScalarVectorHead(width) if channels else halving(width)

    def read(self, representation: Representation) -> tuple[Tensor, Tensor | None]:
        """Scalars [N], and vectors [N, 3] or None.

        Raises:
            ValueError: If the head reads vectors and the representation has none.
        """
        if not self.vectors:
            return self.layers(representation.scalars).squeeze(-1), None
        if representation.vectors is None:
            raise ValueError("this head reads vectors; encode with vectors=True")
        wide = self.widen(representation.vectors)
        scalars, vectors = self.layers(Representation(representation.scalars, representation.graph, wide))
        return scalars, vectors


class EnergyHead(AtomHead):
    """Energy, or any extensive property, as a sum over atoms, so that it grows with the molecule."""

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Energies, [B]."""
        return sum_atoms(self.read(representation)[0], batch)


def energy_and_forces(
    backbone: GeometryBackbone,
    head: Callable[[Representation, MoleculeBatch], Tensor],
    batch: MoleculeBatch,
    *,
    create_graph: bool,
) -> tuple[Tensor, Tensor]:
    """Energies and their exact negative gradient.

    Works under ``torch.no_grad`` too. The encoder is asked for vectors where the head reads them.

    Args:
        backbone: Encoder.
        head: Representation and batch to energies [B], such as :class:`EnergyHead`.
        batch: Molecules.
        create_graph: True where a loss of the results is differentiated; otherwise both come detached.

    Returns:
        Energies [B] and forces [N, 3], in the head's unit and that unit per Å.
    """
    vectors = isinstance(head, Head) and head.vectors
    with torch.enable_grad():
        positions = batch.positions.detach().requires_grad_()
        moved = batch.replace(positions=positions)
        energies = head(backbone(moved, vectors=vectors), moved)
        (gradient,) = torch.autograd.grad(energies.sum(), positions, create_graph=create_graph)
    return energies if create_graph else energies.detach(), -gradient
