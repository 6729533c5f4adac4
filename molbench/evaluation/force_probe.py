"""The probe of forces: a linear energy head on frozen atom features, solved exactly.

With ``E = Σ_i s_i·w + c`` the forces ``F = -Σ_i (∂s_i/∂x)·w`` are linear in w as well, so energies and forces
of a few frames are one least-squares problem, and nothing depends on an optimiser that was stopped early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.data.read.loader import Loader
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.kinds.forces import force_factor
from molbench.evaluation.models import ForceModel
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.spec.protocol import Protocol

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Equations:
    """What the frames of a fit say about w, in normalised units.

    Attributes:
        left: Coefficients of w, [rows, F]; a row an energy or a force component.
        right: Normalised values, [rows].
        frame: Frame of each row, [rows].
        weights: Weight of each row; their mean is 1.
        mean: Mean of the summed atom features over the frames, [F]; energies are relative to it.
    """

    left: np.ndarray
    right: np.ndarray
    frame: np.ndarray
    weights: np.ndarray
    mean: np.ndarray


class LinearEnergy(nn.Module):
    """``Σ_i s_i·w + c``.

    Args:
        weight: w, [F].
        offset: c.
    """

    weight: Tensor

    def __init__(self, weight: np.ndarray, offset: float) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float64))
        self.offset = offset

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        """Energies, [B]."""
        return sum_atoms(representation.scalars.to(self.weight.dtype) @ self.weight, batch) + self.offset


def force_probe(
    backbone: GeometryBackbone, data: TaskData, protocol: Protocol, seed: int, device: torch.device
) -> ForceModel:
    """Fit an energy head to a few frames of the training split.

    Args:
        backbone: Encoder, left as it is.
        data: Energies, forces and splits.
        protocol: Number of frames, penalties and folds.
        seed: Draws the frames, and shuffles the folds.
        device: Where to compute.

    Returns:
        The encoder with its head, on ``device``.

    Raises:
        UserError: If the training split has fewer than two frames, or features are not finite.
    """
    train = data.rows["train"]
    if train.size < 2:
        raise UserError(f"{data.task.id}: a probe needs at least two training records")
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(train, min(protocol.frames, train.size), replace=False))
    backbone = backbone.to(device).eval().requires_grad_(False)
    equations = _equations(backbone, data, rows, protocol.energy_weight, device)
    if not np.isfinite(equations.left).all():
        raise UserError(f"{data.task.id}: the backbone gives features or gradients that are not finite")
    search = GridSearchCV(
        # Columns sum to zero over each molecule, so there is nothing to centre.
        make_pipeline(StandardScaler(with_mean=False), Ridge(fit_intercept=False)),
        {"ridge__alpha": protocol.alphas},
        cv=GroupKFold(min(protocol.folds, rows.size), shuffle=True, random_state=seed),
        scoring="neg_mean_squared_error",
    )
    search.fit(
        equations.left, equations.right, groups=equations.frame, ridge__sample_weight=equations.weights
    )
    scaler, ridge = search.best_estimator_[0], search.best_estimator_[1]
    weight = ridge.coef_ / scaler.scale_
    offset = float(data.normalised[rows].mean() - equations.mean @ weight)
    return ForceModel(backbone, LinearEnergy(weight, offset), data, protocol.energy_weight).to(device).eval()


def _equations(
    backbone: GeometryBackbone, data: TaskData, rows: np.ndarray, energy_weight: float, device: torch.device
) -> Equations:
    sums, slopes, forces, frames = [], [], [], []
    for batch in Loader(data.store, rows, _BATCH, shuffle=False, forces=True).epoch(0):
        features, gradient = _jacobian(backbone, batch.to(device))
        sums.append(features)
        slopes.append(-gradient)
        if batch.forces is None or batch.rows is None:
            raise ValueError("frames must come from a store with forces")
        forces.append(batch.forces.double().numpy().reshape(-1) / (data.scale * force_factor(data.task)))
        frames.append(np.repeat(batch.rows.numpy(), 3 * batch.sizes.numpy()))
    total, components = np.concatenate(sums), np.concatenate(forces)
    energies = data.normalised[rows]
    rows_of_both = rows.size + components.size
    weights = np.concatenate(
        [
            np.full(rows.size, energy_weight * rows_of_both / rows.size),
            np.full(components.size, (1 - energy_weight) * rows_of_both / components.size),
        ]
    )
    return Equations(
        np.concatenate([total - total.mean(axis=0), *slopes]),
        np.concatenate([energies - energies.mean(), components]),
        np.concatenate([rows, *frames]),
        weights,
        total.mean(axis=0),
    )


def _jacobian(backbone: GeometryBackbone, batch: MoleculeBatch) -> tuple[np.ndarray, np.ndarray]:
    """Summed atom features [B, F] and their derivatives by each coordinate [3N, F]."""
    positions = batch.positions.detach().requires_grad_()
    moved = batch.replace(positions=positions)
    features = sum_atoms(backbone(moved).scalars, moved)
    totals = features.sum(dim=0)  # molecules do not see each other, so one sum serves all of them
    columns = [
        torch.autograd.grad(total, positions, retain_graph=True)[0].reshape(-1) for total in totals.unbind()
    ]
    gradient = torch.stack(columns, dim=1)
    return features.detach().double().cpu().numpy(), gradient.double().cpu().numpy()
