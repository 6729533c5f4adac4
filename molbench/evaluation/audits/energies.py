"""An encoder as a potential: a fixed random read-out of its atoms' features as energy."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from molbench.evaluation.audits.base import Subject, audit
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.graph.molecules import MoleculeBatch

_STEP, _SMALL = 1e-4, 1e-4
_WITHIN = 40
_STEPS, _FEMTOSECONDS, _KELVIN = 40, 0.25, 300


class Potential:
    """Energies in eV whose forces are of the size of 1 eV/Å on the molecules audited."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        generator = torch.Generator().manual_seed(0)
        width = subject.encoder.width
        self._weights = torch.randn(width, generator=generator, dtype=torch.float64)
        _, forces = self(subject.molecules)
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


@audit("forces")
def forces(subject: Subject) -> np.ndarray:
    """Against central differences along one random direction of each molecule."""
    potential, batch = Potential(subject), subject.molecules
    _, analytic = potential(batch)
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(batch.positions.shape, generator=generator, dtype=torch.float64)
    forward, _ = potential(batch.replace(positions=batch.positions + _STEP * direction))
    backward, _ = potential(batch.replace(positions=batch.positions - _STEP * direction))
    numeric = (forward - backward) / (2 * _STEP)
    along = (analytic * direction).sum(1)
    slope = -along.new_zeros(batch.num_graphs).index_add(0, batch.molecule, along)
    scale = slope.abs().mean().clamp(min=1e-12)
    errors: np.ndarray = ((numeric - slope).abs() / scale).numpy()
    return errors


@audit("smoothness")
def smoothness(subject: Subject) -> np.ndarray:
    """A hydrogen moves away from the outermost atom, the first and the last within its cutoff."""
    cutoff = getattr(subject.encoder.config, "cutoff", None)
    if not isinstance(cutoff, int | float) or not 1 < cutoff < 100:
        raise NotApplicableError("the encoder has no cutoff")
    potential, batch = Potential(subject), subject.molecules
    distances = [*torch.linspace(0.8, cutoff - 0.05, _WITHIN).tolist(), cutoff - _SMALL, cutoff + _SMALL]
    jumps = []
    for start, stop in pairwise(batch.ptr.tolist()):
        centred = batch.positions[start:stop] - batch.positions[start:stop].mean(0)
        tip = centred[centred.norm(dim=1).argmax()]
        hydrogens = [tip * (1 + distance / tip.norm()) for distance in distances]
        numbers = torch.cat([batch.atomic_numbers[start:stop], torch.tensor([1])])
        energies, _ = potential(
            MoleculeBatch(
                numbers.repeat(len(distances)),
                torch.cat([torch.cat([centred, hydrogen[None]]) for hydrogen in hydrogens]),
                torch.arange(len(distances) + 1) * len(numbers),
            )
        )
        span = float(energies[:-2].max() - energies[:-2].min())
        jumps.append(float((energies[-1] - energies[-2]).abs()) / max(span, 1e-12))
    return np.array(jumps)


@audit("nve-drift")
def drift(subject: Subject) -> np.ndarray:
    """Change of the total energy in a short run at constant energy as a share of the kinetic energy."""
    if find_spec("ase") is None:
        raise NotApplicableError("ase is not installed: pip install 'molbench[generate]'")
    from ase import Atoms, units
    from ase.calculators.calculator import Calculator, all_changes
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
    batch = subject.molecules
    for start, stop in pairwise(batch.ptr.tolist()):
        atoms = Atoms(batch.atomic_numbers[start:stop].numpy(), batch.positions[start:stop].numpy())
        atoms.calc = EncoderCalculator()
        drawn = np.random.default_rng(0).standard_normal((len(atoms), 3))
        atoms.set_momenta(drawn * np.sqrt(atoms.get_masses() * _KELVIN * units.kB)[:, None])
        total, kinetic = atoms.get_total_energy(), max(atoms.get_kinetic_energy(), 1e-12)
        run = VelocityVerlet(atoms, _FEMTOSECONDS * units.fs)
        worst = 0.0
        for _ in range(_STEPS):
            run.run(1)
            worst = max(worst, abs(atoms.get_total_energy() - total))
        drifts.append(worst / kinetic)
    return np.array(drifts)
