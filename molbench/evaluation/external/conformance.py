"""Whether a model does what every encoder must, before anything is trained on it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from molbench.errors import UserError, error_line
from molbench.evaluation.external.encoder import Encoder, checked
from molbench.evaluation.external.module import ModuleEncoder
from molbench.evaluation.external.process import ProcessEncoder
from molbench.evaluation.external.reference import tried_on
from molbench.evaluation.external.standalone import Molecule

#: Largest difference allowed, as a share of the largest number that the model gives.
TOLERANCE = 1e-3
_GRADIENTS = "gradients are those of the vectors, by finite differences"
#: Step of finite differences, Å, and how far gradients may be away: in double precision, and in single where
#: a model knows no other.
_STEPS = {torch.float64: (1e-4, 1e-3), torch.float32: (1e-2, 5e-2)}


@dataclass(frozen=True)
class Law:
    """What must hold of an encoder.

    Attributes:
        name: Of the law.
        meaning: In one line.
        deviation: How far the model is from it, as a share of the largest number that it gives; None where it
            could not be tried.
        tolerance: What is allowed.
        why: What kept it from being tried.
    """

    name: str
    meaning: str
    deviation: float | None
    tolerance: float = TOLERANCE
    why: str = ""

    @property
    def broken(self) -> bool:
        """Whether the deviation is beyond tolerance."""
        return self.deviation is not None and not self.deviation <= self.tolerance


@dataclass(frozen=True)
class Conformance:
    """What became of all laws.

    Attributes:
        model: Name of the model.
        width: Numbers in a vector.
        laws: Laws that apply, in the order tried.
    """

    model: str
    width: int
    laws: tuple[Law, ...]

    @property
    def broken(self) -> list[Law]:
        """Laws that do not hold."""
        return [law for law in self.laws if law.broken]

    @property
    def marks(self) -> list[str]:
        """What stands beside every score of the model."""
        return [f"breaks the law of {law.name}: {law.meaning} ({_told(law)})" for law in self.broken]

    def __str__(self) -> str:
        """One screen."""
        lines = [f"{self.model}: vectors of {self.width} numbers"]
        for law in self.laws:
            state = "FAIL" if law.broken else "ok" if law.deviation is not None else "-"
            lines += [f"  {state:<5} {law.name:<12} {_told(law):<9} {law.meaning}"]
        return "\n".join(lines)


def check_model(model: Any) -> Conformance:
    """Try whatever :func:`~molbench.evaluation.external.wrap.wrap` takes on ten small molecules.

    What it gives is printed as one screen.

    Raises:
        UserError: If it is no model, or gives no finite vector for each molecule.

    Examples:
        >>> import molbench
        >>> def composition(molecules):
        ...     return [[(m.atomic_numbers == z).sum() for z in (1, 6, 7, 8, 9)] for m in molecules]
        >>> molbench.check_model(composition).broken
        []
    """
    from molbench.evaluation.external.module import modes_kept
    from molbench.evaluation.external.wrap import wrap

    with modes_kept(model):
        return try_encoder(wrap(model))


def try_encoder(encoder: Encoder) -> Conformance:
    """Try a model on ten small molecules.

    Raises:
        UserError: If it gives no finite vector for each, which is the law of shapes and finiteness.
    """
    molecules = tried_on(encoder)
    each, asked = (2, "pair") if encoder.of_pairs else (1, "molecule")
    try:
        vectors = checked(encoder, molecules)
    except UserError as error:
        raise UserError(f"conformance, law of shapes and finiteness: {error}") from error
    scale = float(np.abs(vectors).max()) or 1.0

    def away(others: np.ndarray) -> float:
        return (
            float(np.abs(others - vectors).max()) / scale if others.shape == vectors.shape else float("inf")
        )

    def again(change: Callable[[Molecule], Molecule]) -> np.ndarray:
        return checked(encoder, [change(molecule) for molecule in molecules])

    singles = [molecules[start : start + each] for start in range(0, len(molecules), each)]
    alone = np.concatenate([checked(encoder, single) for single in singles])
    laws = [
        Law("repetition", "asked twice, it answers the same", away(again(lambda molecule: molecule))),
        Law("batches", f"a {asked} alone has the vector it has among others", away(alone)),
    ]
    if encoder.reads == "geometry":
        turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
        turn *= np.linalg.det(turn)
        laws += [
            Law(
                "rotation", "turning a molecule changes nothing", away(again(lambda m: _moved(m, turn, 0.0)))
            ),
            Law(
                "translation",
                "shifting a molecule changes nothing",
                away(again(lambda m: _moved(m, np.eye(3), 5.0))),
            ),
            Law("permutation", "the order of the atoms changes nothing", away(again(_reordered))),
        ]
    if (gradients := gradient_law(encoder)) is not None:
        laws.append(gradients)
    return Conformance(encoder.name, vectors.shape[1], tuple(laws))


def _moved(molecule: Molecule, turn: np.ndarray, shift: float) -> Molecule:
    return replace(molecule, positions=molecule.positions @ turn.T + shift)


def _reordered(molecule: Molecule) -> Molecule:
    order = np.random.default_rng(1).permutation(molecule.atomic_numbers.size)
    return replace(
        molecule, atomic_numbers=molecule.atomic_numbers[order], positions=molecule.positions[order]
    )


def gradient_law(encoder: Encoder) -> Law | None:
    """In double precision, where a module can be turned into that; None of what has no gradients.

    Of a module in a process of its own it was tried there.
    """
    if isinstance(encoder, ProcessEncoder):
        if (tried := encoder.gradients) is None:
            return None
        return Law("gradients", _GRADIENTS, tried["deviation"], tried["tolerance"], str(tried["why"]))
    if not isinstance(encoder, ModuleEncoder):
        return None
    molecules, why = tried_on(encoder), ""
    for dtype, (step, tolerance) in _STEPS.items():
        copied = ModuleEncoder(copy.deepcopy(encoder.module).to(dtype), encoder.name, encoder.limits)
        try:
            deviation = _slopes(copied, molecules, step)
        except Exception as error:  # noqa: BLE001 - whatever a model raises is why this law cannot be tried
            why = why or f"{type(error).__name__}: {error_line(error)}"[:80]
            continue
        return Law("gradients", _GRADIENTS, deviation, tolerance)
    return Law("gradients", _GRADIENTS, None, why=why)


def _slopes(encoder: ModuleEncoder, molecules: list[Molecule], step: float) -> float:
    """How far the derivative along one direction is from that of central differences."""
    positions = torch.tensor(np.concatenate([molecule.positions for molecule in molecules]))
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(positions.shape, generator=generator, dtype=torch.float64)

    def total(pos: torch.Tensor) -> torch.Tensor:
        features = encoder.features(molecules, pos)[0].double()
        # Of what a layer normalises, a plain sum would be constant.
        weights = torch.randn(features.shape, generator=generator.manual_seed(1), dtype=torch.float64)
        return (weights * features).sum()

    pos = positions.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(total(pos), pos)
    slope = float((gradient * direction).sum())
    with torch.no_grad():
        forward, backward = (float(total(positions + sign * step * direction)) for sign in (1, -1))
    measured = (forward - backward) / (2 * step)
    return abs(slope - measured) / max(abs(slope), abs(measured), 1e-6)


def _told(law: Law) -> str:
    return law.why or "not tried" if law.deviation is None else f"{law.deviation:.1e}"
