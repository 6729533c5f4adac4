"""Grids of spectra."""

import pytest

from molbench.errors import UserError
from molbench.spec.document import parse_yaml
from molbench.spec.spectra import Grid, SpectrumColumn

SPECTRUM = "unit: 1/eV\ndescription: x\ngrid: {start: 1.0, step: 0.02, points: 701, unit: eV}\n"


def test_a_grid_is_even_and_ends_where_it_says() -> None:
    grid = parse_yaml(SPECTRUM, SpectrumColumn, "dataset.yaml").grid
    values = grid.values()
    assert len(values) == 701 and values[0] == 1.0 and values[-1] == grid.stop == pytest.approx(15.0)
    assert values[1] - values[0] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ("0.02", "0", "grid.step"),
        ("701", "1", "grid.points"),
        ("eV}", "mEv}", "grid"),
        ("1/eV", "GHzz", "unit"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(good: str, bad: str, key: str) -> None:
    with pytest.raises(UserError, match=key):
        parse_yaml(SPECTRUM.replace(good, bad, 1), SpectrumColumn, "dataset.yaml")


def test_grids_are_compared_by_value() -> None:
    grid = Grid(start=500.0, step=1.0, points=3501, unit="cm⁻¹")
    assert grid == Grid(start=500, step=1, points=3501, unit="cm⁻¹") and grid.stop == 4000
