"""Units as files spell them, and as they are called here."""

from molbench.errors import meant, quoted

_LENGTHS = {
    **dict.fromkeys(("angstrom", "angstroms", "ang", "å"), "Å"),
    **dict.fromkeys(("bohr", "bohrs", "a0", "au", "a.u.", "atomic"), "a0"),
    **dict.fromkeys(("nm", "nanometer", "nanometers"), "nm"),
}
_ENERGIES = {
    **dict.fromkeys(("kcal/mol", "kcal mol^-1", "kcal mol-1"), "kcal/mol"),
    **dict.fromkeys(("kj/mol", "kj mol^-1", "kj mol-1"), "kJ/mol"),
    **dict.fromkeys(("ev", "electronvolt"), "eV"),
    "mev": "meV",
    **dict.fromkeys(("hartree", "hartrees", "ha", "eh", "au", "a.u.", "atomic"), "Hartree"),
}


def length_unit(text: str) -> str:
    """The unit of length that a file means.

    Raises:
        ValueError: If it is none, with those that are known.
    """
    return _named(text, _LENGTHS, "length")


def energy_unit(text: str) -> str:
    """The unit of energy that a file means.

    Raises:
        ValueError: If it is none, with those that are known.
    """
    return _named(text, _ENERGIES, "energy")


def _named(text: str, units: dict[str, str], what: str) -> str:
    unit = units.get(text.strip().lower())
    if unit is None:
        known = sorted(units)
        raise ValueError(
            f"{quoted(text)} is no unit of {what}{meant(text, known)}; known: {', '.join(known)}"
        )
    return unit
