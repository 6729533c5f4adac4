"""Unit conversion against published constants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molbench.spec.imports import Labelled
from molbench.spec.units import _DIMENSION_OF, convert, convertible, factor, same_dimension, unit_called


def test_energies_agree_with_codata() -> None:
    assert factor("Hartree", "eV") == pytest.approx(27.211386245988, rel=1e-12)
    assert factor("Hartree", "kcal/mol") == pytest.approx(627.509474, rel=1e-9)
    assert factor("eV", "kcal/mol") == pytest.approx(23.060548, rel=1e-7)
    assert factor("Hartree/a0", "eV/Å") == pytest.approx(51.42206747, rel=1e-8)


def test_there_and_back() -> None:
    values = np.array([1.0, -3.5, 0.0])
    np.testing.assert_allclose(
        convert(convert(values, "Hartree", "meV"), "meV", "Hartree"), values, rtol=1e-14
    )


def test_different_dimensions_do_not_mix() -> None:
    with pytest.raises(ValueError, match="no conversion"):
        factor("meV", "D")
    with pytest.raises(ValueError, match="nothing converts 'furlong'"):
        factor("meV", "furlong")


OTHERS = [
    "d",
    "k",
    "um",
    "deg",
    "kJ/mol/K",
    "g/mol",
    "kg/mol",
    "mg/mL",
    "J/mol",
    "cal/mol",
    "mHartree",
    "pmol/L",
    "THz",
    "cm-2",
    "e·a0²",
    "mV",
    "ppm",
]


@pytest.mark.parametrize("unit", OTHERS)
def test_a_unit_that_nothing_converts_is_taken_as_it_is_written(unit: str) -> None:
    assert unit_called(f" {unit} ") == unit
    assert factor(unit, unit) == 1
    assert convertible(unit) == [unit]
    assert same_dimension(unit, unit) and not same_dimension(unit, "eV")


HEADERS = {
    "gap (eV)": ("gap", "eV"),
    "gap / eV": ("gap", "eV"),
    "dG / (kcal/mol)": ("dg", "kcal/mol"),
    "dG [kJ mol-1]": ("dg", "kJ/mol"),
    "IC50 (nM)": ("ic50", "nmol/L"),
    "bond (nm)": ("bond", "nm"),
    "gap (B3LYP)": ("gap", None),
    "yield / total": ("yield_total", None),
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_unit_in_a_header_is_taken_if_it_is_known(header: str) -> None:
    label = Labelled.parse(header, "--target", [header])
    assert (label.name, label.unit) == HEADERS[header]


WAYS = {
    "kcal/(mol·Å)": "kcal/mol/Å",
    "kJ.mol-1": "kJ/mol",
    "\N{GREEK SMALL LETTER MU}M": "µmol/L",
    "EV": "eV",
    "kcal·mol⁻¹": "kcal/mol",
    "kcal mol^-1 Å^-1": "kcal/mol/Å",
    "kJ⋅mol−1": "kJ/mol",
    "eV·angstrom⁻¹": "eV/Å",
    "cal mol-1 K-1": "cal/(mol·K)",
    "L mol⁻¹ cm⁻¹": "L/(mol·cm)",
    "cm^-1": "cm⁻¹",
    "bohr³": "a0³",
    "e a0": "e·a0",
}


@pytest.mark.parametrize("written", WAYS)
def test_a_unit_may_be_written_as_people_do(written: str) -> None:
    assert unit_called(written) == WAYS[written]


@given(st.sampled_from(list(_DIMENSION_OF)))
def test_every_unit_is_called_by_its_own_name(unit: str) -> None:
    assert unit_called(unit) == unit


SLIPS = {
    "MeV": "meV",
    "kcal": "kcal/mol",
    "kcla/mol": "kcal/mol",
    "Hartee": "Hartree",
    "kJ/mo": "kJ/mol",
    "GHzz": "GHz",
    "kelvins": "K",
    "celcius": "°C",
    "kcal/mol/Angstrm": "kcal/mol/Å",
}


@pytest.mark.parametrize("written", SLIPS)
def test_a_known_unit_misspelt_is_asked_back(written: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{SLIPS[written]}'"):
        unit_called(written)


@given(st.text(max_size=40))
def test_what_is_taken_for_a_unit_can_be_shown_anywhere(text: str) -> None:
    try:
        unit = unit_called(text)
    except ValueError as error:
        assert str(error).isprintable()
        return
    assert unit.isprintable() and 0 < len(unit) <= 32
    assert not set(unit) & set("<>&|`'\"{}\\")
    assert unit_called(unit) == unit
