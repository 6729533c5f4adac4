"""Unit conversion against published constants."""

import numpy as np
import pytest

from molbench.spec.units import convert, factor


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
    with pytest.raises(ValueError, match="unknown unit"):
        factor("meV", "furlong")
