"""Noise that is blind to rigid motions: 3D-EMGP's Riemann-Gaussian and its two plainer relatives.

Jiao et al., AAAI 2023 (arXiv 2207.08824). The Riemann-Gaussian density of a conformation X~ given X falls
with the distance of their Gram matrices, ``‖X~ X~ᵀ - X Xᵀ‖``, coordinates taken from the centroid, and so
does not change when either is rotated, reflected or moved. Everything is written in 3×3 matrices: the work
is linear in the atoms.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule, sum_atoms

Noise = Literal["riemann", "gaussian", "kabsch"]


def force_target(perturbed: Tensor, batch: MoleculeBatch) -> Tensor:
    """Where the Riemann-Gaussian pulls each atom: its score, scaled to about the length of the displacement.

    ``F(X~, X) = -2 (X~ A - X B) / (‖A‖ + ‖B‖)`` with ``A = X~ᵀX~`` and ``B = XᵀX~``: along the gradient of
    ``-¼ ‖X~ X~ᵀ - X Xᵀ‖²``.

    Args:
        perturbed: X~, Å, [N, 3].
        batch: Molecules in their clean conformation X.

    Returns:
        Displacements in Å, [N, 3]; zero where X~ is a rigid motion of X, or a single atom.
    """
    noisy, clean = centred_per_molecule(perturbed, batch), centred_per_molecule(batch.positions, batch)
    gram, cross = _products(noisy, noisy, batch), _products(clean, noisy, batch)
    scale = torch.linalg.matrix_norm(gram) + torch.linalg.matrix_norm(cross)
    scale = scale.clamp(min=torch.finfo(scale.dtype).tiny).view(-1, 1, 1)
    return -2 * (_apply(noisy, gram / scale, batch) - _apply(clean, cross / scale, batch))


def perturb(batch: MoleculeBatch, sigma: Tensor, noise: Tensor) -> Tensor:
    """A sample of the Riemann-Gaussian by a few Langevin steps.

    Step t moves by ``α F + √(2α) σ ε`` with ``α = 2^-t``. The first starts where F is zero and has α = ½: one
    step adds isotropic noise of standard deviation σ, and Riemannian is only the target.

    Args:
        batch: Molecules.
        sigma: Standard deviation of each atom's noise, Å, [N, 1].
        noise: Standard normal ε of every step, [steps, N, 3].

    Returns:
        Perturbed positions, [N, 3].
    """
    positions = batch.positions + sigma * noise[0]
    for step, epsilon in enumerate(noise[1:], 2):
        alpha = 2.0**-step
        force = force_target(positions, batch)
        positions = positions + alpha * force + math.sqrt(2 * alpha) * sigma * epsilon
    return positions


def align(perturbed: Tensor, batch: MoleculeBatch) -> Tensor:
    """The perturbed molecules moved onto the clean ones, reflections allowed (Kabsch).

    Args:
        perturbed: Positions in Å, [N, 3].
        batch: Molecules in their clean conformation.

    Returns:
        Positions with the least sum of squared distances to the clean ones, [N, 3].
    """
    # In double precision: the turn about the axis of a linear molecule hangs on what is left of its product.
    noisy, clean = (
        centred_per_molecule(perturbed.double(), batch),
        centred_per_molecule(batch.positions.double(), batch),
    )
    u, _, vh = torch.linalg.svd(_products(noisy, clean, batch))
    return (_apply(noisy, u @ vh, batch) + (batch.positions - clean)).to(perturbed.dtype)


def _products(left: Tensor, right: Tensor, batch: MoleculeBatch) -> Tensor:
    """``leftᵀ right`` of each molecule, [B, 3, 3]."""
    return sum_atoms(left.unsqueeze(-1) * right.unsqueeze(-2), batch)


def _apply(positions: Tensor, matrices: Tensor, batch: MoleculeBatch) -> Tensor:
    """Each row times the matrix of its molecule, [N, 3]."""
    return torch.einsum("ni,nij->nj", positions, matrices[batch.molecule])
