"""A PyTorch module of ``(z, pos, batch)``, as it is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from molbench.errors import UserError
from molbench.evaluation.external.encoder import Encoder, Limits
from molbench.evaluation.external.identity import identity
from molbench.evaluation.external.standalone import Molecule

#: Arguments of ``forward`` that are handed over where it has them, one number a molecule.
_STATE = ("charge", "multiplicity")


@contextmanager
def modes_kept(models: Any) -> Iterator[None]:
    """Put modules back afterwards, part by part, into the mode that they were in: their owner trains on.

    Args:
        models: A model, or several; what is no module is passed over.
    """
    given = models if isinstance(models, list | tuple) else [models]
    modules = [model for model in given if isinstance(model, nn.Module)]
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


class ModuleEncoder(Encoder):
    """A module whose ``forward(z, pos, batch)`` gives features of atoms, [N, F], or of molecules, [B, F].

    Features of atoms are summed. Where ``forward`` has arguments ``charge`` or ``multiplicity`` it is given
    them, [B]; a module without ``charge`` is asked for neutral molecules alone, one without ``multiplicity``
    for closed shells.

    Args:
        module: Put into evaluation mode.
        name: What the model is called.
        limits: What it supports; None for what its arguments say.
    """

    def __init__(self, module: nn.Module, name: str, limits: Limits | None = None) -> None:
        self.given = [key for key in _STATE if _takes(module, key)]
        self.name, self.module = name, module.eval()
        self.limits = limits or Limits(
            charged="charge" in self.given, open_shell="multiplicity" in self.given
        )

    def encode(self, molecules: Sequence[Molecule]) -> np.ndarray:
        """See :meth:`Encoder.encode`."""
        with torch.no_grad():
            features, batch = self.features(molecules)
            vectors: np.ndarray = self._pooled(features, batch, len(molecules)).double().cpu().numpy()
        return vectors

    def features(self, molecules: Sequence[Molecule], pos: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the module gives, and the molecule of each atom.

        Args:
            molecules: Some molecules.
            pos: Other positions of their atoms, [N, 3].
        """
        device, dtype = self._like()
        sizes = torch.tensor([molecule.atomic_numbers.size for molecule in molecules])
        batch = torch.repeat_interleave(torch.arange(len(molecules)), sizes).to(device)
        z = torch.tensor(np.concatenate([molecule.atomic_numbers for molecule in molecules]), device=device)
        if pos is None:
            pos = torch.tensor(np.concatenate([molecule.positions for molecule in molecules]))
        state = {
            key: torch.tensor([getattr(molecule, key) for molecule in molecules], device=device)
            for key in self.given
        }
        return self.called(z, pos.to(device, dtype), batch, state), batch

    def called(self, z: Tensor, pos: Tensor, batch: Tensor, state: dict[str, Tensor]) -> Tensor:
        """What the module gives for atoms.

        Raises:
            UserError: If that is no matrix of real numbers.
        """
        encoded: Any = self.module(z, pos, batch, **state)
        if isinstance(encoded, tuple | list) and encoded:
            encoded = encoded[0]
        if not isinstance(encoded, Tensor) or encoded.ndim != 2:
            shape = tuple(encoded.shape) if isinstance(encoded, Tensor) else type(encoded).__name__
            raise UserError(f"model '{self.name}' gives {shape}; a tensor [B, F] or [N, F] is needed")
        if encoded.is_complex():
            raise UserError(f"model '{self.name}' gives {encoded.dtype}, which are no real numbers")
        return encoded

    @property
    def without_gradients(self) -> None:
        """See :attr:`Encoder.without_gradients`."""

    @cached_property
    def of_atoms(self) -> bool:
        """Whether features are those of atoms, seen from two molecules of five atoms and three."""
        pair = [
            Molecule("CH4", np.array([6, 1, 1, 1, 1]), _METHANE),
            Molecule("H2O", np.array([8, 1, 1]), _METHANE[:3]),
        ]
        with torch.no_grad():
            rows = len(self.features(pair)[0])
        if rows not in {2, 8}:
            raise UserError(
                f"model '{self.name}' gives {rows} rows for 2 molecules of 8 atoms: one each is needed"
            )
        return rows == 8

    @cached_property
    def digest(self) -> str:
        """Of its code, weights and attributes."""
        return identity(self.module)

    def _pooled(self, features: Tensor, batch: Tensor, count: int) -> Tensor:
        if not self.of_atoms:
            return features
        return features.new_zeros(count, features.shape[1]).index_add_(0, batch, features)

    def _like(self) -> tuple[torch.device, torch.dtype]:
        for value in self.module.parameters():
            if value.is_floating_point():
                return value.device, value.dtype
        return torch.device("cpu"), torch.float32


_METHANE = np.array(
    [[0.0, 0.0, 0.0], [0.63, 0.63, 0.63], [-0.63, -0.63, 0.63], [-0.63, 0.63, -0.63], [0.63, -0.63, -0.63]]
)


def _takes(module: nn.Module, argument: str) -> bool:
    """Whether a module has an argument of a name, or takes any."""
    if isinstance(module, torch.jit.ScriptModule):  # Python knows no signature of its methods
        script: Any = module.forward
        return any(given.name == argument for given in script.schema.arguments)
    arguments = inspect.signature(module.forward).parameters
    return argument in arguments or any(given.kind is given.VAR_KEYWORD for given in arguments.values())
