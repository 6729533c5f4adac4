"""The energy that frozen encoders see around a conformation, on a plane through it.

The picture of 3D-EMGP's section 4.4 (Jiao et al., AAAI 2023, arXiv 2207.08824); their recipe was not
released. Here the plane is spanned by two random displacements of all atoms, without translation, orthogonal
and of unit Frobenius norm. An encoder has no energy of its own, so each is given the linear energy head of
the force probe, fitted to the same few frames; an encoder whose features follow the potential shows a smooth
well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from molbench.backbones.base import geometry_encoder
from molbench.errors import UserError
from molbench.evaluation.candidates.resolve import gather
from molbench.evaluation.data import TaskData
from molbench.evaluation.force_probe import force_probe
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.models import ForceModel
from molbench.graph.molecules import MoleculeBatch
from molbench.spec.catalogue import Catalogue
from molbench.spec.protocol import Protocol
from molbench.studies.report import Study, new_panels, refuse_foreign, write_study
from molbench.studies.tasks import open_store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BATCH = 64
#: Of two atoms, less translation, there are three displacements; of one there is none.
_FEWEST_ATOMS = 2


def landscape(
    checkpoints: Sequence[Path],
    pattern: str,
    *,
    protocol: Protocol,
    output: Path,
    command: str,
    extent: float = 1.0,
    points: int = 21,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Draw the landscapes of several checkpoints, and of their backbones from scratch, on one plane.

    The conformation is the training frame of the lowest energy.

    Args:
        checkpoints: Checkpoint files.
        pattern: One task on forces.
        protocol: The probe that fits the energy heads.
        output: Folder of the study.
        command: What the user typed, for the report.
        extent: Half the width of the plane, Å of Frobenius norm.
        points: Points along each side, odd so that the conformation is one of them.
        seed: Draws the plane, and the frames of the fit.
        progress: Told which encoder is drawn.

    Raises:
        UserError: If the pattern is not one built task on forces, points is even, or the folder has other
            files of the same names.
    """
    if points % 2 == 0 or points < 3:
        raise UserError(f"points must be odd and at least 3, not {points}")
    refuse_foreign(output, "landscape")
    data = _open(pattern, seed)
    train = data.rows["train"]
    centre = data.store.batch(train[[int(np.argmin(data.labels[train]))]])
    if centre.num_atoms < _FEWEST_ATOMS:
        raise UserError(f"{data.task.id}: {centre.num_atoms} atoms have no plane of displacements")
    steps = np.linspace(-extent, extent, points)
    frames = _plane(centre, steps, seed)
    candidates = gather(list(checkpoints), scratch=True)
    energies: dict[str, np.ndarray] = {}
    rows = []
    for number, candidate in enumerate(candidates):
        if progress is not None:
            progress(candidate.name, number, len(candidates))
        backbone = geometry_encoder(candidate.checkpoint(seed).build(), data.task.id)
        model = force_probe(backbone, data, protocol, seed, torch.device("cpu"))
        grid = _energies(model, frames).reshape(points, points) * data.scale
        energies[candidate.name] = grid - grid[points // 2, points // 2]
        rows.append({"model": candidate.name, **_shape(energies[candidate.name], steps, data.unit)})
    study = Study(
        "landscape",
        f"Energies on a plane of ±{extent} Å around the lowest training frame of {data.task.id}, from linear "
        f"heads on frozen encoders fitted to {min(protocol.frames, train.size)} frames.",
        rows,
        command,
        [
            "roughness: mean absolute second difference along both axes over the range of the energies.",
            "minimum at: distance of the lowest point of the plane from the conformation.",
        ],
        {
            "steps": steps.tolist(),
            "unit": data.unit,
            "energies": {k: v.tolist() for k, v in energies.items()},
        },
    )
    return write_study(output, study, lambda: _draw(energies, steps, data.unit))


def _open(pattern: str, seed: int) -> TaskData:
    """The one task on forces that a pattern names."""
    tasks = Catalogue.load().tasks([pattern])
    if len(tasks) != 1 or not kind_of(tasks[0].task).reads_forces:
        raise UserError(f"'{pattern}' must be one task on forces; it matches {len(tasks)} tasks")
    return TaskData.open(tasks[0].at(seed), open_store(tasks[0]))


def _plane(centre: MoleculeBatch, steps: np.ndarray, seed: int) -> list[MoleculeBatch]:
    """The conformation moved to every point of the grid, in batches."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((2, centre.num_atoms, 3))
    directions -= directions.mean(axis=1, keepdims=True)
    first, second = directions.reshape(2, -1)
    first /= np.linalg.norm(first)
    second -= (second @ first) * first
    second /= np.linalg.norm(second)
    moves = steps[:, None, None] * first + steps[None, :, None] * second
    places = centre.positions.numpy() + moves.reshape(-1, centre.num_atoms, 3).astype(np.float32)
    return [
        MoleculeBatch.collate(
            [
                MoleculeBatch(centre.atomic_numbers, torch.from_numpy(geometry), centre.ptr)
                for geometry in places[start : start + _BATCH]
            ]
        )
        for start in range(0, len(places), _BATCH)
    ]


def _energies(model: ForceModel, frames: Sequence[MoleculeBatch]) -> np.ndarray:
    with torch.no_grad():
        values = [model.head(model.backbone(batch), batch) for batch in frames]
    return torch.cat(values).double().numpy()


def _shape(grid: np.ndarray, steps: np.ndarray, unit: str) -> dict[str, Any]:
    span = float(np.ptp(grid)) or 1.0
    bends = [np.abs(np.diff(grid, 2, axis=axis)).mean() for axis in (0, 1)]
    row, column = np.unravel_index(int(grid.argmin()), grid.shape)
    return {
        f"range ({unit})": float(np.ptp(grid)),
        "roughness": float(np.mean(bends)) / span,
        "minimum at (Å)": float(np.hypot(steps[row], steps[column])),
    }


def _draw(energies: dict[str, np.ndarray], steps: np.ndarray, unit: str) -> Figure:
    figure, panels = new_panels(len(energies))
    for (name, grid), panel in zip(energies.items(), panels[0], strict=True):
        filled = panel.contourf(steps, steps, grid.T, levels=24)
        panel.plot(0, 0, "w+")
        panel.set(title=name, xlabel="first direction (Å)", ylabel="second direction (Å)")
        figure.colorbar(filled, ax=panel, label=unit)
    return figure
