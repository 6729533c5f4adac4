"""xtb-dynamics: thermostatted GFN2-xTB trajectories of eight small molecules, with energies and forces."""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy import constants

from molbench.generate import geometry, xtb
from molbench.generate.engine import RECORD_FIELDS, VECTORS, Generator, JobOutcome
from molbench.generate.xtb import ANGSTROM, HARTREE

#: Molecules by name; malonaldehyde as the enol that its proton hops in.
MOLECULES = {
    "ethanol": "CCO",
    "dimethyl-ether": "COC",
    "acrolein": "C=CC=O",
    "furan": "c1ccoc1",
    "malonaldehyde": "O=CC=CO",
    "glycine": "NCC(=O)O",
    "benzene": "c1ccccc1",
    "uracil": "O=c1cc[nH]c(=O)[nH]1",
}

FRAMES = 1_200

SCHEMA = pa.schema(
    [
        RECORD_FIELDS[0],
        pa.field("subset", pa.string()),
        *RECORD_FIELDS[1:],
        pa.field("frame", pa.int64()),
        pa.field("time_fs", pa.float64()),
        pa.field("energy", pa.float64()),
        pa.field("forces", VECTORS),
    ]
)

_TEMPERATURE = 500.0  # K
_TIMESTEP = 0.5  # fs
_FRICTION = 0.01  # 1/fs
_STEPS_PER_FRAME = 20  # 10 fs
_EQUILIBRATION_STEPS = 4_000  # 2 ps

#: Decimal places of positions (Å), energies (kcal/mol) and forces (kcal/mol/Å).
_POSITION_DECIMALS, _ENERGY_DECIMALS, _FORCE_DECIMALS = 5, 5, 4

_KCAL = HARTREE * constants.N_A / constants.kilo / constants.calorie  # kcal/mol per Hartree


def plan_trajectories(seed: int, limit: int | None) -> list[tuple[str, int, int]]:
    """Jobs of (molecule, seed, frames), one trajectory each; ``limit`` counts frames per molecule."""
    frames = FRAMES if limit is None else limit
    return [(name, seed + index, frames) for index, name in enumerate(MOLECULES)]


def compute_trajectory(job: tuple[str, int, int]) -> JobOutcome:
    """Runs one trajectory: Langevin dynamics, equilibrated, then one frame every 10 fs.

    Energy and forces are computed once more at the rounded positions that are stored, so that a label belongs
    exactly to its geometry.
    """
    from ase import Atoms, units
    from ase.constraints import FixCom
    from ase.md.langevin import Langevin
    from tblite.ase import TBLite

    name, seed, frames = job
    smiles = MOLECULES[name]
    embedded = geometry.lowest_conformer(smiles, seed)
    if embedded is None:
        raise RuntimeError(f"no conformer of {name} embedded")
    mol, start = embedded
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    atoms = Atoms(numbers, start, calculator=TBLite(method=xtb.METHOD, verbosity=0), constraint=FixCom())
    thermostat = Langevin(
        atoms,
        _TIMESTEP * units.fs,
        temperature_K=_TEMPERATURE,
        friction=_FRICTION / units.fs,
        fixcm=False,
        rng=np.random.default_rng(seed),
    )
    # From rest: the thermostat's relaxation time is 0.1 ps, a twentieth of the equilibration.
    thermostat.run(_EQUILIBRATION_STEPS)
    molecule = xtb.XtbMolecule(numbers, start * ANGSTROM)
    rows: list[dict[str, Any]] = []
    for frame in range(frames):
        thermostat.run(_STEPS_PER_FRAME)
        positions = np.round(atoms.get_positions() - atoms.get_center_of_mass(), _POSITION_DECIMALS)
        stored = positions.astype(np.float32)
        point = molecule.single_point(stored.astype(np.float64) * ANGSTROM)
        forces = np.round(-point.gradient * _KCAL * ANGSTROM, _FORCE_DECIMALS).astype(np.float32)
        rows.append(
            {
                "id": f"{name}-{frame:05d}",
                "subset": name,
                "atomic_numbers": numbers.tolist(),
                "positions": stored.tolist(),
                "smiles": smiles,
                "level_of_theory": xtb.METHOD,
                "frame": frame,
                "time_fs": (frame + 1) * _STEPS_PER_FRAME * _TIMESTEP,
                "energy": round(point.energy * _KCAL, _ENERGY_DECIMALS),
                "forces": forces.tolist(),
            }
        )
    return JobOutcome(rows, [])


GENERATOR = Generator("xtb-dynamics", SCHEMA, plan_trajectories, compute_trajectory)
