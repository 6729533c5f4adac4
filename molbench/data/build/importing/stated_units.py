"""Units that a file states beside its labels: ``energy_unit=Hartree`` in the comment line of a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from molbench.data.build.parsers.unit_names import energy_unit
from molbench.errors import UserError, quoted
from molbench.spec.units import unit_called

_ENERGY, _FORCES = {"e", "energy", "energies"}, {"f", "force", "forces"}


def stated_units(path: Path, tags: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, str]:
    """The unit of each label that a file states one for.

    Args:
        path: The file.
        tags: What a unit is of, in small letters, and the unit as it is written.
        names: Labels and vectors of the file.

    Raises:
        UserError: If it states a unit that is none, or two of one label.
    """
    units: dict[str, str] = {}
    names = [*names]
    for tag, text in sorted(tags):
        for name in names:
            if not _means(tag, name.lower()):
                continue
            try:
                unit = energy_unit(text) if tag in _ENERGY else unit_called(text)
            except ValueError as error:
                raise UserError(f"{path}: the unit of '{tag}': {error}") from None
            if units.setdefault(name, unit) != unit:
                raise UserError(f"{path}: states two units of {quoted(name)}: {units[name]} and {unit}")
    return units


def _means(tag: str, name: str) -> bool:
    """Whether a unit of an energy, or of forces, is that of a label; every energy is meant by one."""
    if tag in _ENERGY:
        return name in _ENERGY or "energy" in name
    return tag == name or {tag, name} <= _FORCES
