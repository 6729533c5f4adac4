"""xtb-solvation: free energies of solvation of small molecules in the solvents of the ALPB model.

ALPB: Ehlert, Stahn, Spicher and Grimme, J. Chem. Theory Comput. 17, 4250 (2021).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import constants

from molbench.generate import geometry, xtb
from molbench.generate.engine import Generator, JobOutcome, RejectedCandidate
from molbench.generate.xtb import ANGSTROM, Array

#: Solvents that ALPB has parameters for at GFN2-xTB, under its names. Octanol saturated with water has no
#: SMILES of its own and is left out. The SMILES are canonical, as are those of the enumerated solutes.
SOLVENTS = {
    "acetone": "CC(C)=O",
    "acetonitrile": "CC#N",
    "aniline": "Nc1ccccc1",
    "benzaldehyde": "O=Cc1ccccc1",
    "benzene": "c1ccccc1",
    "ch2cl2": "ClCCl",
    "chcl3": "ClC(Cl)Cl",
    "cs2": "S=C=S",
    "dioxane": "C1COCCO1",
    "dmf": "CN(C)C=O",
    "dmso": "CS(C)=O",
    "ethanol": "CCO",
    "ether": "CCOCC",
    "ethylacetate": "CCOC(C)=O",
    "furan": "c1ccoc1",
    "hexadecane": "CCCCCCCCCCCCCCCC",
    "hexane": "CCCCCC",
    "methanol": "CO",
    "nitromethane": "C[N+](=O)[O-]",
    "octanol": "CCCCCCCCO",
    "phenol": "Oc1ccccc1",
    "thf": "C1CCOC1",
    "toluene": "Cc1ccccc1",
    "water": "O",
}

#: Enumerated solutes tried besides the solvents themselves.
ENUMERATED = 160

#: Decimal places kept, coarser than the noise of the self-consistent field.
DECIMALS = {"dg_solv": 3, "dmu": 3}  # kcal/mol, Debye

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("a_smiles", pa.string()),
        pa.field("b_smiles", pa.string()),
        pa.field("level_of_theory", pa.string()),
        *(pa.field(name, pa.float64()) for name in DECIMALS),
    ]
)

_LEVEL = f"ALPB-{xtb.METHOD} // {xtb.METHOD} (gas)"

#: Decimal places of the positions (Å) that everything is computed at.
_POSITION_DECIMALS = 4

#: Self-consistency threshold relative to tblite's default of 1e-6 Hartree.
_ACCURACY = 0.1

_SOLUTES_PER_JOB = 8

_KCAL = xtb.HARTREE * constants.N_A / (1000 * constants.calorie)  # kcal/mol per Hartree
_DEBYE = constants.e * xtb.BOHR * constants.c * 1e21  # Debye per elementary charge and Bohr


def plan_solvation(seed: int, limit: int | None) -> list[list[tuple[str, str, int]]]:
    """Jobs of (solute id, SMILES, embedding seed): the solvents first, then enumerated molecules."""
    from molbench.generate.enumeration import enumerate_molecules

    solutes = dict.fromkeys(SOLVENTS.values())
    solutes |= dict.fromkeys(enumerate_molecules(seed)[:ENUMERATED])
    chosen = list(solutes)[:limit]
    rows = [(f"solute-{index:03d}", smiles, seed + index) for index, smiles in enumerate(chosen)]
    return [rows[start : start + _SOLUTES_PER_JOB] for start in range(0, len(rows), _SOLUTES_PER_JOB)]


def compute_solvation(job: Sequence[tuple[str, str, int]]) -> JobOutcome:
    """All pairs of the solutes of one job; a solute that does not relax is rejected with the reason."""
    rows: list[dict[str, Any]] = []
    rejections: list[RejectedCandidate] = []
    for name, smiles, seed in job:
        try:
            pairs = solute_records(name, smiles, seed)
        except RuntimeError:  # tblite: the self-consistent field did not converge
            pairs = "self-consistent field not converged"
        if isinstance(pairs, str):
            rejections.append(RejectedCandidate(name, smiles, pairs))
        else:
            rows += pairs
    return JobOutcome(rows, rejections)


def solute_records(name: str, smiles: str, seed: int) -> list[dict[str, Any]] | str:
    """One record a solvent, all at the gas-phase minimum of the solute; or the reason why there are none.

    Raises:
        RuntimeError: where a self-consistent field does not converge.
    """
    embedded = geometry.lowest_conformer(smiles, seed)
    if embedded is None:
        return "no conformer embedded"
    mol, start = embedded
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    relaxed = geometry.relax(numbers, start)
    if relaxed is None:
        return "geometry not converged"
    if not geometry.keeps_graph(mol, relaxed):
        return "bonds changed"
    positions = np.round(relaxed, _POSITION_DECIMALS) * ANGSTROM
    energy, dipole = _single_point(numbers, positions, None)
    records = []
    for solvent, solvent_smiles in SOLVENTS.items():
        solvated_energy, solvated_dipole = _single_point(numbers, positions, solvent)
        values = {"dg_solv": (solvated_energy - energy) * _KCAL, "dmu": (solvated_dipole - dipole) * _DEBYE}
        records.append(
            {
                "id": f"{name}/{solvent}",
                "a_smiles": smiles,
                "b_smiles": solvent_smiles,
                "level_of_theory": _LEVEL,
                **{key: round(values[key], decimals) for key, decimals in DECIMALS.items()},
            }
        )
    return records


def _single_point(
    numbers: NDArray[np.integer[Any]], positions: Array, solvent: str | None
) -> tuple[float, float]:
    """Energy (Hartree) and norm of the dipole (e Bohr), in the gas or in a solvent.

    The solvated energy is a free energy for the standard state of 1 mol/L in the gas and in the solution.
    """
    from tblite.interface import Calculator

    calculator = Calculator(xtb.METHOD, numbers, positions)
    calculator.set("verbosity", 0)
    calculator.set("accuracy", _ACCURACY)
    if solvent is not None:
        calculator.add("alpb-solvation", solvent)
    result = calculator.singlepoint()
    return float(result.get("energy")), float(np.linalg.norm(result.get("dipole")))


GENERATOR = Generator("xtb-solvation", SCHEMA, plan_solvation, compute_solvation)
