"""Encoders around plain functions: of molecules, of SMILES, of pairs, and of objects with ``encode``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from molbench.evaluation.external.encoder import Encoder, Limits
from molbench.evaluation.external.identity import identity
from molbench.evaluation.external.reference import behaviour
from molbench.evaluation.external.standalone import Molecule, as_array, as_pairs, as_vectors, smiles_of


class FunctionEncoder(Encoder):
    """A function of molecules.

    What it computes is told by its code and by what it answers for a few molecules that are always the same;
    where neither shows what has changed, it is given another ``version``.

    Args:
        function: A list of molecules to vectors, [m, F], or to features of atoms, [N, F] or a list of [n, F]
            each, which are summed.
        name: What the model is called.
        limits: What it supports.
        version: Told apart in the digest.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        name: str,
        limits: Limits | None = None,
        version: str = "",
    ) -> None:
        self.name, self.limits, self._function, self._version = name, limits or Limits(), function, version

    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """See :meth:`Encoder.encode`."""
        return as_vectors(self._function(_copied(molecules)), molecules)

    @cached_property
    def digest(self) -> str:
        """Of version, code and behaviour."""
        version = f"{self._version} {identity(self._function)}"
        return behaviour(self, version)


class SmilesEncoder(FunctionEncoder):
    """A function of SMILES, such as ``encode`` of a language model.

    Args:
        function: A list of SMILES to vectors, [m, F].
        name: What the model is called.
        limits: What it supports.
        version: See :class:`FunctionEncoder`.
    """

    reads = "smiles"

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        name: str,
        limits: Limits | None = None,
        version: str = "",
    ) -> None:
        def of_molecules(molecules: Sequence[Molecule]) -> Any:
            return function(smiles_of(molecules))

        super().__init__(of_molecules, name, limits, version)


class PairEncoder(FunctionEncoder):
    """A function of pairs, which sees both molecules of a record together.

    Args:
        function: A list of pairs ``(first, second)`` to vectors, [m, F].
        name: What the model is called.
        limits: What it supports.
        version: See :class:`FunctionEncoder`.
        reads: Whether pairs are those of molecules, or of their SMILES.
    """

    of_pairs = True

    def __init__(
        self,
        function: Callable[[list[tuple[Any, Any]]], Any],
        name: str,
        limits: Limits | None = None,
        version: str = "",
        reads: Literal["geometry", "smiles"] = "geometry",
    ) -> None:
        super().__init__(function, name, limits, version)
        self.reads = reads  # type: ignore[misc]

    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """See :meth:`Encoder.encode`."""
        given = smiles_of(molecules) if self.reads == "smiles" else _copied(molecules)
        return as_array(self._function(as_pairs(given)))


def _copied(molecules: Sequence[Molecule]) -> list[Molecule]:
    """What a function may change."""
    return [
        replace(m, atomic_numbers=m.atomic_numbers.copy(), positions=m.positions.copy()) for m in molecules
    ]
