"""From a representation to predictions: one value a molecule, energies, conservative forces."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from molbench.backbones.base import Backbone, Representation
from molbench.graph.batch import Batch
from molbench.graph.scatter import sum_atoms


class ScalarHead(nn.Module):
    """Molecule vectors to ``outputs`` values: Linear(F, F/2), SiLU, Linear(F/2, outputs).

    Args:
        width: Features of a molecule, F.
        outputs: Values a molecule.
    """

    def __init__(self, width: int, outputs: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, outputs))

    def forward(self, graph: Tensor) -> Tensor:
        """Molecule vectors [B, F] to values [B, outputs]."""
        values: Tensor = self.layers(graph)
        return values


class EnergyHead(nn.Module):
    """Energy as a sum over atoms of a small network of their scalars, so that it grows with the molecule.

    Args:
        width: Features of an atom, F.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, 1))

    def forward(self, representation: Representation, batch: Batch) -> Tensor:
        """Energies, [B]."""
        return sum_atoms(self.layers(representation.scalars).squeeze(-1), batch)


def energy_and_forces(
    backbone: Backbone, head: Callable[[Representation, Batch], Tensor], batch: Batch, *, create_graph: bool
) -> tuple[Tensor, Tensor]:
    """Energies and their exact negative gradient.

    Works under ``torch.no_grad`` too.

    Args:
        backbone: Encoder.
        head: Representation and batch to energies [B], such as :class:`EnergyHead`.
        batch: Molecules.
        create_graph: True where a loss of the results is differentiated; otherwise both come detached.

    Returns:
        Energies [B] and forces [N, 3], in the head's unit and that unit per Å.
    """
    with torch.enable_grad():
        positions = batch.positions.detach().requires_grad_()
        moved = batch.replace(positions=positions)
        energies = head(backbone(moved), moved)
        (gradient,) = torch.autograd.grad(energies.sum(), positions, create_graph=create_graph)
    return energies if create_graph else energies.detach(), -gradient
