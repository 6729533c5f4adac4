"""Charge and unpaired electrons decide what is scored, and reach the model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from molbench.evaluation import Report, evaluate
from molbench.evaluation.external.standalone import Molecule, single_point
from molbench.paths import home
from tests.evaluation import toy
from tests.evaluation.test_external import Atoms


class Charged(Atoms):
    """Its features depend on the state of the molecule."""

    def forward(  # type: ignore[override]
        self, z: Tensor, pos: Tensor, batch: Tensor, charge: Tensor, multiplicity: Tensor
    ) -> Tensor:
        state = torch.stack([charge, multiplicity], 1).to(pos)[batch]
        return torch.cat([super().forward(z, pos, batch), state], 1)


@pytest.fixture
def ions() -> Path:
    return toy.write_ions(home())


def score(model: object, output: Path) -> Report:
    return evaluate(model, "toy-ions/state", seeds=1, scratch=False, output=output, executor="inline")


def test_a_model_without_charges_is_not_applicable_to_ions(ions: Path, tmp_path: Path) -> None:
    """Nobody guesses a charge for it: it has no score, and the reason says which molecule has which state."""
    report = score(Atoms(), tmp_path / "r")
    assert not report.rows and not report.failures
    (pair,) = report.not_applicable
    assert "'w0' has the charge -1, and the model supports none" in pair.reason
    assert not list((tmp_path / "r").rglob("result.json"))


def test_a_model_that_takes_charge_and_multiplicity_is_given_those_of_the_records(
    ions: Path, tmp_path: Path
) -> None:
    """The labels are the states, which a linear probe can only know from what was handed over."""
    report = score(Charged(), tmp_path / "r")
    assert not report.failures and not report.not_applicable
    assert report.rows[0].mean < 1e-2


@pytest.mark.parametrize(("charge", "multiplicity"), [(0, 1), (1, 2), (-1, 2), (0, 3), (2, 1)])
def test_a_calculator_computes_the_state_of_the_record(charge: int, multiplicity: int) -> None:
    """Through ASE the energy of an ion or a radical is what the program itself gives."""
    interface = pytest.importorskip("tblite.interface")
    tblite = pytest.importorskip("tblite.ase")
    numbers, positions = np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])
    water = Molecule("w", numbers, positions, charge, multiplicity)
    energy = single_point(tblite.TBLite(method="GFN2-xTB", verbosity=0), water)[0]
    bohr, hartree = 0.529177210903, 27.211386245988
    itself = interface.Calculator("GFN2-xTB", numbers, positions / bohr, charge, multiplicity - 1)
    itself.set("verbosity", 0)
    assert energy == pytest.approx(itself.singlepoint().get("energy") * hartree, abs=1e-4)
