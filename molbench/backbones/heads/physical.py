"""Heads that build a property from the physics of it: dipole moment and electronic spatial extent.

As the output models of TorchMD-NET (Thölke, De Fabritiis, ICLR 2022, arXiv 2202.02541, section 3.4): atoms
have charges, and where the encoder has vectors also dipoles, around the molecule's centre of mass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molbench.backbones.base import Representation
from molbench.backbones.heads.gated import length
from molbench.backbones.heads.values import AtomHead
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.spec.units import factor

SQUARE_BOHR = factor("Å²", "a0²")
#: Debye in the product of an elementary charge and 1 Å.
DEBYE = factor("e·a0", "D") * SQUARE_BOHR**0.5


class MomentHead(AtomHead):
    """A moment of atomic charges, in e, around the centre of mass; arguments as of :class:`AtomHead`."""

    def __init__(self, width: int, channels: int = 0) -> None:
        super().__init__(width, channels)
        self.centre = CentreOfMass()


class DipoleHead(MomentHead):
    """Norm of the dipole moment, ``| Σ q_i (r_i - r_c) + μ_i |``."""

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Dipole moments in D, [B]."""
        return length(self.moment(representation, batch).unsqueeze(-1)).squeeze(-1)

    def moment(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Dipole vectors in D, [B, 3], which rotate with the molecule."""
        charges, dipoles = self.read(representation)
        return dipole_moment(charges, dipoles, self.centre(batch), batch)


class SpatialExtentHead(MomentHead):
    """Electronic spatial extent, ``Σ q_i |r_i - r_c|²``."""

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Spatial extents in a0², [B]."""
        charges, _ = self.read(representation)
        return spatial_extent(charges, self.centre(batch), batch)


class CentreOfMass(nn.Module):
    """Where each molecule's mass is, with standard atomic weights."""

    masses: Tensor

    def __init__(self) -> None:
        super().__init__()
        from rdkit import Chem

        weight = Chem.GetPeriodicTable().GetAtomicWeight
        masses = torch.tensor([0.0, *(weight(number) for number in range(1, 119))], dtype=torch.float64)
        self.register_buffer("masses", masses, persistent=False)

    def forward(self, batch: MoleculeBatch) -> Tensor:
        """Centres in Å, [B, 3]."""
        masses = self.masses.to(batch.positions.dtype)[batch.atomic_numbers].unsqueeze(-1)
        total = sum_atoms(masses, batch)
        # A molecule without atoms has its centre anywhere.
        return sum_atoms(masses * batch.positions, batch) / torch.where(total > 0, total, 1)


def dipole_moment(charges: Tensor, dipoles: Tensor | None, centres: Tensor, batch: MoleculeBatch) -> Tensor:
    """Dipole vector of each molecule in D, [B, 3].

    Args:
        charges: Of atoms, in e, [N].
        dipoles: Of atoms, in e·Å, [N, 3], or None.
        centres: Origin of each molecule, Å, [B, 3]; of no consequence where its charges sum to zero.
        batch: Molecules.
    """
    moments = charges.unsqueeze(-1) * (batch.positions - centres[batch.molecule])
    moments = moments if dipoles is None else moments + dipoles
    dipole: Tensor = DEBYE * sum_atoms(moments, batch)
    return dipole


def spatial_extent(charges: Tensor, centres: Tensor, batch: MoleculeBatch) -> Tensor:
    """Mean of the squared distance from a centre in a0², [B]; arguments as of :func:`dipole_moment`."""
    squares = (batch.positions - centres[batch.molecule]).square().sum(-1)
    extent: Tensor = SQUARE_BOHR * sum_atoms(charges * squares, batch)
    return extent
