"""Encoders around plain functions: of molecules, of SMILES, and of objects with ``encode``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from molbench.evaluation.external.encoder import Encoder, Limits, checked
from molbench.evaluation.external.identity import identity
from molbench.evaluation.external.reference import behaviour
from molbench.evaluation.external.standalone import Molecule, as_vectors


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
        function: Callable[[Sequence[Molecule]], Any],
        name: str,
        limits: Limits | None = None,
        version: str = "",
    ) -> None:
        self.name, self.limits, self._function, self._version = name, limits or Limits(), function, version

    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """See :meth:`Encoder.encode`."""
        given = [
            replace(m, atomic_numbers=m.atomic_numbers.copy(), positions=m.positions.copy())
            for m in molecules
        ]
        return as_vectors(self._function(given), molecules)

    @cached_property
    def digest(self) -> str:
        """Of version, code and behaviour."""
        version = f"{self._version} {identity(self._function)}"
        return behaviour(lambda molecules: checked(self, molecules), self.limits, version)


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
            return function([molecule.smiles or "" for molecule in molecules])

        super().__init__(of_molecules, name, limits, version)
