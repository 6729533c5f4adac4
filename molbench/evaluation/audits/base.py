"""What an audit is, and what came of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.spec.base import Spec

#: First part of the ids of all audits, where a task has its dataset.
PREFIX = "audit/"


class NotAuditableError(Exception):
    """Why an audit says nothing of an encoder."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited.

    Attributes:
        encoder: In double precision, on the CPU.
        batch: Molecules, in double precision.
        smiles: Of each.
    """

    encoder: GeometryBackbone
    batch: MoleculeBatch
    smiles: list[str]

    def encode(self, batch: MoleculeBatch) -> Representation:
        """Features without gradients."""
        with torch.no_grad():
            return self.encoder(batch, vectors=True)


@dataclass(frozen=True)
class ModelAudit:
    """One audit.

    Attributes:
        name: Behind ``audit/`` in its id.
        version: Raised whenever a change of the code changes scores.
        meaning: What the number is, in a sentence.
        measure: Subject to one number a molecule or try, [n]; the largest is the score.
        tolerance: What the score must not pass; None where it is told and not judged.
        bound: Whether it must be ``at most`` or ``at least`` the tolerance.
        unit: ``1`` for a share of the size of what is compared.
    """

    name: str
    version: int
    meaning: str
    measure: Callable[[Subject], np.ndarray]
    tolerance: float | None
    bound: Literal["at most", "at least"] = "at most"
    unit: str = "1"

    @property
    def id(self) -> str:
        """``audit/rotation``."""
        return f"{PREFIX}{self.name}"


class AuditResult(Spec):
    """What came of one audit of one encoder.

    Attributes:
        key: SHA-256 over encoder, audit and molecules.
        score: Largest of ``values``, or smallest where the tolerance is a lower bound; None where it says
            nothing of the encoder, for the reason in ``not_applicable``.
        passed: Whether the score keeps to the tolerance; None where it is not judged.
        values: One number a molecule or try.
    """

    id: str
    version: int
    meaning: str
    unit: str
    tolerance: float | None
    bound: str
    model: str
    encoder_digest: str
    key: str
    score: float | None
    passed: bool | None
    values: list[float]
    not_applicable: str | None = None


def per_molecule(after: Tensor, before: Tensor) -> np.ndarray:
    """Size of the change of each row as a share of its size, [B]."""
    change = (after - before).flatten(1).norm(dim=1)
    shares: np.ndarray = (change / before.flatten(1).norm(dim=1).clamp(min=1e-12)).double().numpy()
    return shares


def per_atom(after: Tensor, before: Tensor) -> float:
    """Largest change of any atom's features as a share of the typical size of an atom's."""
    scale = before.flatten(1).norm(dim=1).mean().clamp(min=1e-12)
    return float((after - before).flatten(1).norm(dim=1).max() / scale)


def changes(after: Representation, before: Representation, turned: Tensor | None = None) -> np.ndarray:
    """Of molecule vectors, of atoms' scalars, and of atoms' vectors against ``turned``, [B + 1 or 2]."""
    rows = [*per_molecule(after.graph, before.graph), per_atom(after.scalars, before.scalars)]
    if after.vectors is not None and turned is not None:
        rows.append(per_atom(after.vectors, turned))
    return np.array(rows)
