"""From whatever a user has to an encoder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from torch import nn

from molbench.errors import UserError
from molbench.evaluation.external.encoder import Encoder, Limits
from molbench.evaluation.external.functions import FunctionEncoder, PairEncoder, SmilesEncoder
from molbench.evaluation.external.module import ModuleEncoder
from molbench.evaluation.external.pyg import PygAtoms, kind_of_pyg
from molbench.spec.names import LONGEST


def wrap(model: Any, name: str | None = None, limits: Limits | None = None) -> Encoder:
    """An encoder around a model.

    Args:
        model: An encoder; an object with ``encode(list[str])``, which is given SMILES; a module of
            ``(z, pos, batch)``, among them models of PyTorch Geometric; or a function of a list of
            :class:`~molbench.evaluation.external.standalone.Molecule`, of SMILES where it has an attribute
            ``reads = "smiles"``, of pairs of either where it has ``of_pairs = True``.
        name: What it is called; None for the name of its class, or of the function.
        limits: What it supports; None for its attribute ``limits``, a mapping of fields of :class:`Limits`.

    Raises:
        UserError: If it is none of these.
    """
    if isinstance(model, Encoder):
        if name is not None:
            model.name = name
        return model
    name = name or name_of(model)
    if limits is None and isinstance(given := getattr(model, "limits", None), Mapping):
        elements = given.get("elements")
        limits = Limits(**{**given, "elements": frozenset(elements) if elements else None})
    reads = getattr(model, "reads", "geometry")
    if getattr(model, "of_pairs", False) and callable(model) and not isinstance(model, type):
        called = model.eval() if isinstance(model, nn.Module) else model
        return PairEncoder(called, name, limits, reads="smiles" if reads == "smiles" else "geometry")
    if callable(getattr(model, "encode", None)):
        return SmilesEncoder(model.encode, name, limits)
    if isinstance(model, nn.Module):
        return ModuleEncoder(PygAtoms(model) if kind_of_pyg(model) else model, name, limits)
    if callable(model) and not isinstance(model, type):
        _takes_one(model, name, "SMILES" if reads == "smiles" else "molecules")
        if reads == "smiles":
            return SmilesEncoder(model, name, limits)
        return FunctionEncoder(model, name, limits)
    raise UserError(
        f"a {type(model).__name__} is no model: give the path of a checkpoint, a module of (z, pos, batch), "
        "a function of molecules, an object with encode(list of SMILES), or an ASE calculator"
    )


def _takes_one(function: Any, name: str, what: str) -> None:
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # functions of C tell no arguments
        return
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one.name for one in arguments if one.kind in named and one.default is one.empty]
    if len(needed) > 1:
        raise UserError(
            f"model '{name}' is a function of ({', '.join(needed)}) and would be given one argument, a list "
            f"of {what}; for (z, pos, batch) make it the forward of a torch.nn.Module"
        )


def name_of(model: Any) -> str:
    """A name for the results of a model: that of its function or class, in small letters."""
    return clean_name(getattr(model, "__name__", None) or type(model).__name__)


def clean_name(text: str) -> str:
    """Letters, digits and hyphens of a text, as names are made of."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower())
    return kept.strip("-")[:LONGEST].strip("-") or "model"


def handshake(encoder: Encoder) -> dict[str, Any]:
    """What an encoder reads, supports and does with gradients, in JSON, for the parent of its process."""
    from molbench.evaluation.external.conformance import gradient_law

    limits, gradients = asdict(encoder.limits), None
    with suppress(UserError):  # of what cannot be tried the parent tells why
        gradients = gradient_law(encoder)
    elements = encoder.limits.elements
    limits["elements"] = None if elements is None else sorted(elements)
    return {
        "reads": encoder.reads,
        "of_pairs": encoder.of_pairs,
        "limits": limits,
        "without_gradients": encoder.without_gradients,
        "gradients": gradients and asdict(gradients),
    }
