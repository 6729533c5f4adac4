"""Units of targets and scores, and exact conversion between those that are known.

Any other unit is taken as it is written: it is told beside every number, and nothing is converted to it.
"""

import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from molbench.errors import quoted

if TYPE_CHECKING:  # importing NumPy would double the start-up time of the command line
    import numpy as np

# Factors to the first unit of each dimension. Energies: CODATA 2018, E_h = 27.211386245988 eV; thermochemical
# calorie 4.184 J, E_h = 4.3597447222071e-18 J, N_A = 6.02214076e23 give 627.5094740631 kcal/mol.
_HARTREE_EV = 27.211386245988
_HARTREE_KCAL = 4.3597447222071e-18 * 6.02214076e23 / 4184.0
_BOHR = 0.529177210903

_DIMENSIONS: dict[str, dict[str, float]] = {
    "energy": {
        "Hartree": 1.0,
        "eV": 1 / _HARTREE_EV,
        "meV": 1e-3 / _HARTREE_EV,
        "kcal/mol": 1 / _HARTREE_KCAL,
        "kJ/mol": 1 / (_HARTREE_KCAL * 4.184),
    },
    "force": {
        "Hartree/Å": 1.0,
        "Hartree/a0": 1 / _BOHR,
        "eV/Å": 1 / _HARTREE_EV,
        "meV/Å": 1e-3 / _HARTREE_EV,
        "kcal/mol/Å": 1 / _HARTREE_KCAL,
        "kJ/mol/Å": 1 / (_HARTREE_KCAL * 4.184),
    },
    "dipole": {"D": 1.0, "e·a0": 2.541746473},
    "volume": {"a0³": 1.0, "Å³": _BOHR**-3},
    "area": {"a0²": 1.0, "Å²": _BOHR**-2},
    "entropy": {"cal/(mol·K)": 1.0, "J/(mol·K)": 1 / 4.184},
    "frequency": {"GHz": 1.0},
    "length": {"nm": 1.0, "Å": 0.1, "a0": _BOHR / 10},
    "time": {"fs": 1.0, "ns": 1e6},
    "logarithmic time": {"ln(ns)": 1.0},
    "logarithmic affinity": {"-log10(M)": 1.0},
    "temperature": {"K": 1.0},
    "wavenumber": {"cm⁻¹": 1.0},
    "infrared intensity": {"km/mol": 1.0},
    "Raman activity": {"Å⁴/amu": 1.0},
    "spectral density": {"km/mol·cm": 1.0},
    "Raman spectral density": {"Å⁴/amu·cm": 1.0},
    "molar absorption": {"L/(mol·cm)": 1.0},
    "per energy": {"1/eV": 1.0},
    "concentration": {"mol/L": 1.0, "mmol/L": 1e-3, "µmol/L": 1e-6, "nmol/L": 1e-9},
    "Celsius temperature": {"°C": 1.0},
    "share": {"%": 1.0},
    "none": {"1": 1.0},
}
_DIMENSION_OF = {unit: name for name, units in _DIMENSIONS.items() for unit in units}

Values = TypeVar("Values", float, "np.ndarray")


#: How people type units that have letters which no keyboard has; capitals do not matter.
_SPELLINGS = {
    **dict.fromkeys(("none", "dimensionless", "-", ""), "1"),
    **dict.fromkeys(("angstrom", "angstroms", "ang", "a"), "Å"),
    **dict.fromkeys(("bohr", "bohrs"), "a0"),
    **dict.fromkeys(("ha", "eh", "hartrees"), "Hartree"),
    **dict.fromkeys(("electronvolt", "electronvolts"), "eV"),
    **dict.fromkeys(("kcal/mole",), "kcal/mol"),
    **dict.fromkeys(("kj/mole",), "kJ/mol"),
    **dict.fromkeys(("1/cm",), "cm⁻¹"),
    **dict.fromkeys(("bohr^3",), "a0³"),
    **dict.fromkeys(("bohr^2",), "a0²"),
    **dict.fromkeys(("angstrom^3", "a^3", "ang^3"), "Å³"),
    **dict.fromkeys(("angstrom^2", "a^2", "ang^2"), "Å²"),
    **dict.fromkeys(("cal/mol/k", "cal/molk"), "cal/(mol·K)"),
    **dict.fromkeys(("j/mol/k", "j/molk"), "J/(mol·K)"),
    **dict.fromkeys(("l/mol/cm",), "L/(mol·cm)"),
    **dict.fromkeys(("debye", "debyes"), "D"),
    **dict.fromkeys(("umol/l", "micromolar"), "µmol/L"),
    **dict.fromkeys(("celsius", "degc"), "°C"),
    **dict.fromkeys(("kelvin",), "K"),
    **dict.fromkeys(("percent",), "%"),
}


_ON_THE_LINE = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺·⋅*−", "0123456789-+   -")
#: What is no unit of anything a molecule has, and what is meant by it.
_PER_MOLE = {"kcal": "kcal/mol", "kj": "kJ/mol"}


#: Names of so few letters are other units in other capitals: d is no debye, k no kelvin.
_SHORT = 2
_SHORT_NAMES = {"A", "å", "Ha", "ha", "Eh", "eh", "ev", "EV", "°c", "-", ""}
#: Where capitals tell one unit from another: nM is no nanometre.
_CAPITALS = {"M": "mol/L", "mM": "mmol/L", "µM": "µmol/L", "uM": "µmol/L", "nM": "nmol/L"}
#: How a unit may be written: it is shown on terminals, in Markdown and on pages.
_WRITTEN = re.compile(r"(?! )[\w%°·*/^()\[\]+\-.⁻⁺⁰¹²³⁴-⁹µ ]{1,32}(?<! )")
#: A metric prefix where a word begins.
_PREFIX = re.compile(r"(?<![^\W\d_])(?:da|[yzafpnµumcdhkMGTP])(?=[^\W\d_])")
_POWERS = re.compile(r"[\d^⁻⁺⁰¹²³⁴-⁹+\-]+")


def convertible(unit: str) -> list[str]:
    """All units of the dimension of one; itself where it is not known."""
    check_unit(unit)
    return list(_DIMENSIONS[_DIMENSION_OF[unit]]) if unit in _DIMENSION_OF else [unit]


def unit_called(text: str) -> str:
    """The unit that somebody means: ``ev``, ``kcal·mol⁻¹·Å⁻¹``, ``cm-1``; what is not known, as it is.

    Raises:
        ValueError: As :func:`check_unit`.
    """
    named = re.sub(r" */ *", "/", text.strip()).replace("μ", "µ")  # the Greek letter for the sign of a prefix
    if named in _DIMENSION_OF or named in _CAPITALS:
        return _CAPITALS.get(named, named)
    known, plain = _plain_names(), _plain(named)
    energy, _, length = plain.rpartition("/")
    spelt = f"{known.get(energy, energy)}/{known.get(length, length)}"
    unit = known.get(plain, spelt if spelt in _DIMENSION_OF else named)
    if (len(named) <= _SHORT and named not in _SHORT_NAMES) or _other_prefix(named, unit):
        unit = named
    check_unit(unit)
    return unit


@cache
def _plain_names() -> dict[str, str]:
    """Every known unit by its names as :func:`_plain` has them; tables ask for each of their rows."""
    names = {unit: unit for unit in _DIMENSION_OF} | _SPELLINGS
    return {_plain(name): unit for name, unit in names.items()}


def _other_prefix(text: str, unit: str) -> bool:
    """Whether the first letter is the other one of mega and milli: MeV is no meV."""
    return text[:1] != unit[:1] and {text[:1], unit[:1]} == {"m", "M"}


def _plain(unit: str) -> str:
    """A unit in lower case, on one line, with ``/`` before what divides: ``kcal/mol`` of ``kcal·mol⁻¹``."""
    text = unit.lower().translate(_ON_THE_LINE).replace("^", "")
    text = re.sub(r"(?<=[^\W_])\.(?=[^\W\d_])", " ", text)  # kJ.mol-1
    text = re.sub(r"/\(([^()]+)\)", lambda match: "/" + "/".join(match[1].split()), text)
    return re.sub(r" ([^ /()]*[^ /()\d])-1(?![\d.])", r"/\1", text)


def is_unit(text: str) -> bool:
    """Whether a unit is known under exactly this name."""
    return text in _DIMENSION_OF


def same_dimension(one: str, other: str) -> bool:
    """Whether two units measure the same thing, as far as they are known."""
    return one == other or _DIMENSION_OF.get(one, one) == _DIMENSION_OF.get(other, other)


def check_unit(unit: str) -> None:
    """Raise ValueError if ``unit`` is a known one misspelt, or cannot be a unit."""
    if unit in _DIMENSION_OF:
        return
    if not _WRITTEN.fullmatch(unit):
        raise ValueError(
            f"{quoted(unit)} is no unit: at most 32 letters, digits and signs such as / · ^ ( ) °"
        )
    if likely := _misspelt(unit):
        raise ValueError(
            f"unknown unit '{unit}' (did you mean '{likely}'?); known: {', '.join(_DIMENSION_OF)}"
        )


def _misspelt(unit: str) -> str | None:
    """The known unit that one is a slip of; none where a metric prefix or a power makes it another unit."""
    if (per_mole := _PER_MOLE.get(unit.lower())) is not None:
        return per_mole
    names = {known.lower(): known for known in _DIMENSION_OF} | _SPELLINGS
    if len(unit) <= _SHORT + 1 and unit.lower() not in names:
        return None  # near a name of so few letters lie too many others
    close = get_close_matches(unit.lower(), [name for name in names if len(name) > 1], n=1, cutoff=0.84)
    if not close:
        energy, _, length = unit.rpartition("/")
        likely = _misspelt(length) if energy in _DIMENSION_OF else None
        return f"{energy}/{likely}" if likely else None
    known = names[close[0]]
    same = any(_variants(unit) & _variants(one) for one in (known, close[0]))
    return None if same and unit.lower() != known.lower() else known


def _variants(unit: str) -> set[str]:
    """A unit in small letters, without one of its prefixes, and without its powers."""
    prefixes = [match.span() for match in _PREFIX.finditer(unit)]
    forms = (unit, _POWERS.sub("", unit), *(unit[:start] + unit[end:] for start, end in prefixes))
    return {_plain(form) for form in forms}


def factor(source: str, target: str) -> float:
    """Number that a value in ``source`` is multiplied by to be in ``target``.

    Raises:
        ValueError: If the two are not the same and one is not known, or they measure different things.
    """
    check_unit(source)
    check_unit(target)
    if source == target:
        return 1.0
    if unknown := [f"'{unit}'" for unit in (source, target) if unit not in _DIMENSION_OF]:
        raise ValueError(
            f"nothing converts {' or '.join(unknown)}: no conversion of '{source}' to '{target}'"
        )
    dimension = _DIMENSION_OF[source]
    if dimension != _DIMENSION_OF[target]:
        raise ValueError(f"'{source}' is {dimension}, '{target}' is {_DIMENSION_OF[target]}: no conversion")
    return _DIMENSIONS[dimension][source] / _DIMENSIONS[dimension][target]


def convert(values: Values, source: str, target: str) -> Values:
    """``values`` in ``source`` expressed in ``target``."""
    return values * factor(source, target)
