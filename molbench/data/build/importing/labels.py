"""Labels and forces that the user asks for, each found in the file and in a unit that is said."""

from __future__ import annotations

from dataclasses import replace

from molbench.data.build.importing.inspection import Inspection
from molbench.data.build.parsers.columns import RECORD_TYPES
from molbench.data.records import IDENTITY_KEYS
from molbench.errors import UserError, unknown_name
from molbench.spec.imports import ImportRequest, Labelled
from molbench.spec.units import is_unit, same_dimension

_TAKEN = {*RECORD_TYPES, *IDENTITY_KEYS.values(), "n_heavy"}


def asked_labels(request: ImportRequest, inspection: Inspection) -> list[Labelled]:
    """Labels to import, each with the unit that it has in the file.

    Raises:
        UserError: If the file has no such column, its unit is not known, or a name is taken.
    """
    labels: dict[str, Labelled] = {}
    for text in request.targets:
        label = Labelled.parse(text, "--target", inspection.columns)
        if label.source not in inspection.columns:
            raise UserError(f"{request.path}: {unknown_name('column', label.source, inspection.columns)}")
        if label.name in _TAKEN:
            label = replace(label, name=f"{label.name}_value")
        if label.name in labels:
            raise UserError(f"--target {text}: '{label.name}' is a label already; write NAME={label.source}")
        labels[label.name] = _with_unit(label, text, "--target", inspection)
    if request.id is not None and request.id not in inspection.columns:
        raise UserError(f"{request.path}: {unknown_name('column', request.id, inspection.columns)}")
    return [*labels.values()]


def asked_forces(request: ImportRequest, inspection: Inspection, labels: list[Labelled]) -> Labelled | None:
    """Forces to import, in a unit that fits that of the first label, which is their energy.

    Raises:
        UserError: If there are none of that name, or no energy for them.
    """
    if request.forces is None:
        return None
    forces = replace(Labelled.parse(request.forces, "--forces", inspection.vectors), name="forces")
    if forces.source not in inspection.vectors:
        raise UserError(
            f"{request.path}: {unknown_name('column of forces', forces.source, inspection.vectors)}"
        )
    if not labels:
        raise UserError("--forces: they belong to an energy; name it with --target")
    per_length = f"{labels[0].unit}/Å"
    if not is_unit(per_length):
        raise UserError(
            f"--forces: they belong to an energy, and '{labels[0].name}' is in '{labels[0].unit}'"
        )
    if forces.unit is None and forces.source not in inspection.units:
        forces = replace(forces, unit=per_length)
    forces = _with_unit(forces, request.forces, "--forces", inspection)
    for unit in (forces.unit, forces.scored):
        if unit and not same_dimension(unit, per_length):
            raise UserError(f"--forces {request.forces}: '{unit}' is no unit of forces, such as {per_length}")
    return forces


def _with_unit(label: Labelled, text: str, option: str, inspection: Inspection) -> Labelled:
    stated = inspection.units.get(label.source)
    if label.unit is None and stated is None:
        asked = text[: text.index(label.source) + len(label.source)]
        scored = f":{label.scored}" if label.scored else ""
        raise UserError(
            f"{option} {text}: in which unit is '{label.source}'? Write {asked}:UNIT{scored}, for instance "
            f"{asked}:eV, or {asked}:1 for a number without one"
        )
    if (
        label.unit is not None
        and stated is not None
        and label.unit != stated
        and inspection.parser != "ase-db"
    ):
        raise UserError(f"{option} {text}: the file says that '{label.source}' is in {stated}")
    return replace(label, unit=label.unit or stated)
