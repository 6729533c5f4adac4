"""An encoder as a potential: a fixed random read-out of its atoms' features as energy."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from molbench.evaluation.audits.base import ModelAudit, NotAuditableError, Subject
from molbench.graph.molecules import MoleculeBatch

_STEP, _SMALL = 1e-4, 1e-4
_ATOMS = 9
_RUNS, _STEPS, _FEMTOSECONDS = 3, 40, 0.25


class Potential:
    """Energies in eV whose forces are of the size of 1 eV/Å on the molecules audited."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        generator = torch.Generator().manual_seed(0)
        width = subject.encoder.width
        self._weights = torch.randn(width, generator=generator, dtype=torch.float64)
        _, forces = self(subject.batch)
        if (size := float(forces.square().mean().sqrt())) > 0:
            self._weights = self._weights / size

    def __call__(self, batch: MoleculeBatch) -> tuple[Tensor, Tensor]:
        """Energies [B] and forces [N, 3] by differentiation."""
        positions = batch.positions.detach().requires_grad_()
        moved = batch.replace(positions=positions)
        atoms = self._subject.encoder(moved).scalars @ self._weights
        energies = atoms.new_zeros(batch.num_graphs).index_add(0, batch.molecule, atoms)
        (gradient,) = torch.autograd.grad(energies.sum(), positions, allow_unused=True)
        forces = torch.zeros_like(positions) if gradient is None else -gradient
        return energies.detach(), forces.detach()


def _forces(subject: Subject) -> np.ndarray:
    """Against central differences along one random direction of each molecule."""
    potential, batch = Potential(subject), subject.batch
    _, forces = potential(batch)
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(batch.positions.shape, generator=generator, dtype=torch.float64)
    forward, _ = potential(batch.replace(positions=batch.positions + _STEP * direction))
    backward, _ = potential(batch.replace(positions=batch.positions - _STEP * direction))
    numeric = (forward - backward) / (2 * _STEP)
    along = (forces * direction).sum(1)
    analytic = -along.new_zeros(batch.num_graphs).index_add(0, batch.molecule, along)
    scale = analytic.abs().mean().clamp(min=1e-12)
    return ((numeric - analytic).abs() / scale).numpy()


def _smoothness(subject: Subject) -> np.ndarray:
    """Jump of the energy of two atoms at the cutoff as a share of its range within."""
    cutoff = getattr(subject.encoder.config, "cutoff", None)
    if not isinstance(cutoff, int | float) or not 1 < cutoff < 100:
        raise NotAuditableError("the encoder has no cutoff")
    potential = Potential(subject)
    jumps = []
    for pair in ((6, 1), (6, 6), (7, 8)):
        near = torch.linspace(0.8, cutoff - 0.05, 40, dtype=torch.float64)
        edge = torch.tensor([cutoff - _SMALL, cutoff + _SMALL], dtype=torch.float64)
        distances = torch.cat([near, edge])
        positions = torch.zeros(2 * len(distances), 3, dtype=torch.float64)
        positions[1::2, 0] = distances
        ptr = torch.arange(0, 2 * len(distances) + 1, 2)
        energies, _ = potential(MoleculeBatch(torch.tensor(pair).repeat(len(distances)), positions, ptr))
        span = float(energies[:-2].max() - energies[:-2].min())
        jumps.append(float((energies[-1] - energies[-2]).abs()) / max(span, 1e-12))
    return np.array(jumps)


def _drift(subject: Subject) -> np.ndarray:
    """Change of the total energy in a short run at constant energy as a share of the kinetic energy."""
    if find_spec("ase") is None:
        raise NotAuditableError("ase is not installed: pip install 'molbench[generate]'")
    from ase import Atoms, units
    from ase.calculators.calculator import Calculator, all_changes
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet

    potential = Potential(subject)

    class EncoderCalculator(Calculator):  # type: ignore[misc]
        implemented_properties = ("energy", "forces")

        def calculate(
            self, atoms: Atoms = None, properties: object = None, system_changes: object = all_changes
        ) -> None:
            super().calculate(atoms, properties, system_changes)
            batch = MoleculeBatch(
                torch.as_tensor(atoms.numbers).long(),
                torch.as_tensor(atoms.positions).double(),
                torch.tensor([0, len(atoms)]),
            )
            energies, forces = potential(batch)
            self.results = {"energy": float(energies[0]), "forces": forces.numpy()}

    drifts = []
    for start, stop in list(zip(subject.batch.ptr.tolist(), subject.batch.ptr[1:].tolist(), strict=False))[
        :3
    ]:
        atoms = Atoms(
            subject.batch.atomic_numbers[start:stop].numpy(), subject.batch.positions[start:stop].numpy()
        )
        atoms.calc = EncoderCalculator()
        MaxwellBoltzmannDistribution(atoms, temperature_K=300, rng=np.random.default_rng(0))
        total, kinetic = atoms.get_total_energy(), max(atoms.get_kinetic_energy(), 1e-12)
        run = VelocityVerlet(atoms, _FEMTOSECONDS * units.fs)
        worst = 0.0
        for _ in range(_STEPS):
            run.run(1)
            worst = max(worst, abs(atoms.get_total_energy() - total))
        drifts.append(worst / kinetic)
    return np.array(drifts)


FORCES = ModelAudit(
    "forces", 1,
    "How far forces by differentiation are from finite differences of a random read-out of the atoms.",
    _forces, 1e-4,
)  # fmt: skip
SMOOTHNESS = ModelAudit(
    "smoothness", 1,
    "Jump of the energy of two atoms that pass the cutoff, as a share of its range within.",
    _smoothness, 1e-3,
)  # fmt: skip
DRIFT = ModelAudit(
    "nve-drift", 1,
    "Largest change of the total energy in 10 fs of dynamics, as a share of the kinetic energy at 300 K.",
    _drift, 0.05,
)  # fmt: skip
