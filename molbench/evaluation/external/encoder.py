"""The contract of a model of somebody else's: molecules in, one vector each out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.external.standalone import Molecule
from molbench.evaluation.predictions import LARGEST


@dataclass(frozen=True)
class Limits:
    """What a model supports; a task that asks for more is not applicable.

    Attributes:
        elements: Atomic numbers that it knows; None for all.
        charged: Whether molecules may have a charge.
        open_shell: Whether they may have unpaired electrons.
        pairs: Whether records of two molecules may be scored, whose vectors are then joined.
        max_atoms: Atoms of the largest molecule; None for no limit.

    Examples:
        >>> import molbench
        >>> import numpy as np
        >>> positions = np.array([[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
        >>> water = molbench.Molecule("water", np.array([8, 1, 1]), positions)
        >>> molbench.Limits(elements=frozenset({1, 6})).exceeded(water)
        "'water' has element 8, which the model does not know"
    """

    elements: frozenset[int] | None = None
    charged: bool = True
    open_shell: bool = True
    pairs: bool = True
    max_atoms: int | None = None

    def exceeded(self, molecule: Molecule) -> str | None:
        """Why a molecule is none for it, or None where it is one."""
        if molecule.charge and not self.charged:
            return f"'{molecule.id}' has the charge {molecule.charge:+d}, and the model supports none"
        if molecule.multiplicity > 1 and not self.open_shell:
            return f"'{molecule.id}' has the multiplicity {molecule.multiplicity}, not 1"
        size = molecule.atomic_numbers.size
        if self.max_atoms is not None and size > self.max_atoms:
            return f"'{molecule.id}' has {size} atoms, and the model supports {self.max_atoms}"
        if self.elements is not None and (others := {*molecule.atomic_numbers.tolist()} - self.elements):
            return f"'{molecule.id}' has element {min(others)}, which the model does not know"
        return None


class Encoder(ABC):
    """A model whose vectors are scored.

    Class attributes:
        reads: What it looks at: a ``geometry``, or ``smiles``.
        of_pairs: Whether each vector is one of two molecules together.

    Attributes:
        name: Folder of its results.
        limits: What it supports.
    """

    reads: ClassVar[Literal["geometry", "smiles"]] = "geometry"
    of_pairs: ClassVar[bool] = False
    name: str
    limits: Limits

    @abstractmethod
    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """One vector a molecule, [m, F]; of pairs, whose molecules stand one behind the other, [m / 2, F].

        Raises:
            UserError: If the model fails.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """SHA-256 of what it computes: equal where that is the same."""

    @property
    def without_gradients(self) -> str | None:
        """Why nothing can be trained with it, or None where gradients go through it."""
        return "it is no module of (z, pos, batch)"

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go what it holds, such as a process."""


def checked(encoder: Encoder, molecules: Sequence[Molecule]) -> np.ndarray:
    """Vectors of some molecules, [m, F] float64, or of pairs of them, [m / 2, F].

    Raises:
        UserError: If they are not one finite vector of numbers each, naming the molecule.
    """
    try:
        vectors = np.asarray(encoder.encode(molecules))
    except (UserError, KeyboardInterrupt):
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"model '{encoder.name}' fails: {type(error).__name__}: {error}") from error
    each = 2 if encoder.of_pairs else 1
    if vectors.ndim != 2 or len(vectors) * each != len(molecules) or not vectors.shape[1]:
        what = "pairs" if encoder.of_pairs else "molecules"
        raise UserError(
            f"model '{encoder.name}' gives the shape {vectors.shape} for {len(molecules) // each} {what}: "
            "one vector each, [m, F], is needed"
        )
    if vectors.dtype.kind not in "fiu":
        raise UserError(f"model '{encoder.name}' gives {vectors.dtype}, which are no real numbers")
    vectors = vectors.astype(np.float64)
    if not (finite := (np.abs(vectors) <= LARGEST).all(axis=1)).all():
        row = int(np.flatnonzero(~finite)[0])
        worst = "' with '".join(molecule.id for molecule in molecules[row * each : (row + 1) * each])
        raise UserError(
            f"model '{encoder.name}' gives no finite vector for '{worst}', or one beyond single precision"
        )
    return vectors
