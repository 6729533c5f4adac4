"""xtb-dimers: two small molecules in contact, with their GFN2-xTB interaction energy."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations, islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import constants

from molbench.generate import geometry, xtb
from molbench.generate.engine import RECORD_FIELDS, Generator, JobOutcome, RejectedCandidate
from molbench.generate.placement import in_contact, radii
from molbench.generate.xtb import ANGSTROM, HARTREE, Array

#: Molecules that stand for the pocket, beside enumerated ones; none of them is a ligand, so leaving partners
#: out is a clean test.
PARTNERS = (
    *("C1CCOC1", "c1ccoc1", "c1cc[nH]c1", "c1ccsc1", "c1cnc[nH]1", "c1cn[nH]c1", "c1ccncc1", "c1cncnc1"),
    *("c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "Nc1ccccc1", "Fc1ccccc1", "Clc1ccccc1", "N#Cc1ccccc1"),
    *("CCO", "CC(C)O", "OCCO", "COC", "CCOC", "CC=O", "CCC=O", "CC(C)=O", "O=C1CCCC1", "CC(=O)O", "CCC(=O)O"),
    *("COC=O", "COC(C)=O", "O=C1CCCO1", "CC(N)=O", "CNC=O", "CNC(C)=O", "CN(C)C=O", "O=C1CCCN1", "NC(N)=O"),
    *(
        "CN",
        "CCN",
        "CNC",
        "CN(C)C",
        "C1CCNC1",
        "C1CCNCC1",
        "NCC(=O)O",
        "NCCO",
        "CC#N",
        "CCC#N",
        "C[N+](=O)[O-]",
    ),
    *(
        "CS",
        "CSC",
        "CSSC",
        "CS(C)=O",
        "CS(C)(=O)=O",
        "CCl",
        "ClCCl",
        "CCF",
        "FC(F)F",
        "CC",
        "CCC",
        "C1CCCCC1",
    ),
    *("C=CC=C", "CC#C", "C=CC#N", "O=c1cc[nH]c(=O)[nH]1"),
)

LIGANDS = (
    *("O", "CO", "C=O", "OC=O", "NC=O", "N", "C#N", "C", "C=C", "C#C", "F", "Cl", "S", "CF", "OO", "NO"),
    *("C1CO1", "C1CC1", "C1CN1", "O=C=O", "N#N", "CC(=O)OC=O", "COO", "NN"),
)

#: Enumerated partners tried beside those, of so many heavy atoms at least. Scores are as uncertain as the
#: partners of the test split are few: another partner tells more than other ligands around the same one.
_ENUMERATED, _SMALLEST = 148, 3

#: Ligands drawn for every partner.
_LIGANDS_EACH = 6

#: Each placement is the lowest in energy of so many random ones: any, a good, a near-optimal contact.
_DRAWS = (1, 1, 4, 4, 16, 16)

#: Pairs of placements of one ligand that become records, at most.
_PAIRS_EACH = 3

#: Bounds of the closest contact, in sums of van der Waals radii; hydrogen bonds lie at about 0.7.
_CLOSENESS = (0.65, 1.3)

#: A placement above this energy is a clash and drawn again (kcal/mol).
_CLASH = 5.0

#: Smallest difference of two interaction energies that makes one placement the preferred one (kcal/mol); the
#: mean unsigned error of GFN2-xTB on small noncovalent complexes is of this size.
MARGIN = 1.0

#: Decimal places of positions (Å) and energies (kcal/mol).
_POSITION_DECIMALS, _ENERGY_DECIMALS = 4, 3

_KCAL = HARTREE * constants.N_A / constants.kilo / constants.calorie  # kcal/mol per Hartree

SCHEMA = pa.schema(
    [
        RECORD_FIELDS[0],
        pa.field("subset", pa.string()),
        *RECORD_FIELDS[1:3],
        pa.field("is_ligand", pa.list_(pa.bool_())),
        pa.field("structure", pa.list_(pa.uint8())),
        pa.field("ligand_smiles", pa.string()),
        pa.field("group", pa.string()),
        pa.field("level_of_theory", pa.string()),
        pa.field("interaction_energy", pa.float64()),
        pa.field("energy_difference", pa.float64()),
        pa.field("preferred", pa.float64()),
    ]
)


class Monomer(NamedTuple):
    """A molecule at its GFN2-xTB minimum: atomic numbers, positions (Å) and energy (Hartree)."""

    numbers: NDArray[np.integer[Any]]
    positions: Array
    energy: float


class Placement(NamedTuple):
    """A dimer: stored positions of both molecules (Å), the partner first, and its energy (kcal/mol)."""

    positions: NDArray[np.float32]
    energy: float


def plan_dimers(seed: int, limit: int | None) -> list[tuple[int, int, str, tuple[int, ...]]]:
    """Jobs of (seed, number and SMILES of a partner, ligands as places in their list)."""
    jobs = []
    for number, partner in enumerate(partners(seed)[:limit]):
        drawn = np.random.default_rng((seed, number)).permutation(len(LIGANDS))[:_LIGANDS_EACH]
        jobs.append((seed, number, partner, tuple(sorted(drawn.tolist()))))
    return jobs


def partners(seed: int) -> list[str]:
    """SMILES of all that are tried: those listed, then enumerated ones, whose canonical SMILES are new."""
    from rdkit import Chem

    from molbench.generate.enumeration import enumerate_molecules

    taken = {Chem.MolToSmiles(Chem.MolFromSmiles(smiles)) for smiles in (*PARTNERS, *LIGANDS)}
    new = (smiles for smiles in enumerate_molecules(seed) if smiles not in taken)
    large = (smiles for smiles in new if Chem.MolFromSmiles(smiles).GetNumAtoms() >= _SMALLEST)
    return [*PARTNERS, *islice(large, _ENUMERATED)]


def compute_dimers(job: tuple[int, int, str, Sequence[int]]) -> JobOutcome:
    """All records of one partner; one that does not relax to a minimum with its bonds is rejected."""
    _, number, smiles, _ = job
    try:
        return JobOutcome(_records(*job), [])
    except RuntimeError as error:
        return JobOutcome([], [RejectedCandidate(f"partner-{number:03d}", smiles, str(error))])


def _records(seed: int, index: int, smiles: str, ligands: Sequence[int]) -> list[dict[str, Any]]:
    """Every placement, then pairs of placements of the same ligand.

    Pairs are drawn from those whose energies differ by `MARGIN` or more. The lower energy is in structure 0
    and in structure 1 by turns, so that the labels are balanced for every partner.

    Raises:
        RuntimeError: if a molecule does not relax, or a self-consistent field does not converge.
    """
    partner = monomer(smiles, seed)
    interactions: list[dict[str, Any]] = []
    preferences: list[dict[str, Any]] = []
    for number in ligands:
        rng = np.random.default_rng((seed, index, number))
        ligand = monomer(LIGANDS[number], seed)
        placements = [placement(partner, ligand, draws, rng) for draws in _DRAWS]
        common = {
            "ligand_smiles": LIGANDS[number],
            "group": smiles,
            "level_of_theory": xtb.METHOD,
        }
        for at, placed in enumerate(placements):
            interactions.append(
                {
                    "id": f"dimer-{index:03d}-{number:02d}-{at}",
                    "subset": "interaction",
                    **_atoms(partner, ligand, [placed]),
                    **common,
                    "interaction_energy": placed.energy,
                }
            )
        for first, second in _distinct_pairs([placed.energy for placed in placements], rng):
            pair = sorted([placements[first], placements[second]], key=lambda placed: placed.energy)
            preferred = len(preferences) % 2 == 0
            if not preferred:
                pair.reverse()
            preferences.append(
                {
                    "id": f"poses-{index:03d}-{number:02d}-{first}{second}",
                    "subset": "preference",
                    **_atoms(partner, ligand, pair),
                    **common,
                    "energy_difference": round(pair[0].energy - pair[1].energy, _ENERGY_DECIMALS),
                    "preferred": float(preferred),
                }
            )
    return interactions + preferences


@cache
def monomer(smiles: str, seed: int) -> Monomer:
    """Embeds a molecule and relaxes it.

    Raises:
        RuntimeError: if that fails; the listed molecules are chosen such that it does not.
    """
    embedded = geometry.lowest_conformer(smiles, seed)
    if embedded is None:
        raise RuntimeError(f"no conformer of {smiles} embedded")
    mol, start = embedded
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    positions = geometry.relax(numbers, start)
    if positions is None or not geometry.keeps_graph(mol, positions):
        raise RuntimeError(f"{smiles} does not relax to a minimum with its bonds")
    return Monomer(numbers, positions, xtb.XtbMolecule(numbers, positions * ANGSTROM).single_point().energy)


def interaction_energy(partner: Monomer, ligand: Monomer, positions: Array) -> float:
    """E(dimer) - E(partner) - E(ligand), the monomers frozen at their own minimum (kcal/mol).

    GFN2-xTB has one fixed minimal basis and is parametrised with it, so no counterpoise correction applies.

    Args:
        partner: first molecule.
        ligand: second molecule.
        positions: of the atoms of both in this order, shape (atoms, 3) (Å).

    Raises:
        RuntimeError: where the self-consistent field does not converge.
    """
    numbers = np.concatenate([partner.numbers, ligand.numbers])
    energy = xtb.XtbMolecule(numbers, positions * ANGSTROM).single_point().energy
    return (energy - partner.energy - ligand.energy) * _KCAL


def placement(partner: Monomer, ligand: Monomer, draws: int, rng: np.random.Generator) -> Placement:
    """The lowest in energy of ``draws`` random placements, with its energy at the rounded positions.

    Clashes do not count among the draws.
    """
    reach = radii(partner.numbers)[:, None] + radii(ligand.numbers)
    placements: list[Placement] = []
    while len(placements) < draws:
        closeness = rng.uniform(*_CLOSENESS)
        moved = in_contact(partner.positions, ligand.positions, reach, closeness, rng)
        positions = np.concatenate([partner.positions, moved])
        stored = np.round(positions - positions.mean(axis=0), _POSITION_DECIMALS).astype(np.float32)
        energy = interaction_energy(partner, ligand, stored.astype(np.float64))
        if energy < _CLASH:
            placements.append(Placement(stored, round(energy, _ENERGY_DECIMALS)))
    return min(placements, key=lambda placed: placed.energy)


def _distinct_pairs(energies: Sequence[float], rng: np.random.Generator) -> list[tuple[int, int]]:
    """A few random pairs of placements with clearly different energies (kcal/mol)."""
    pairs = [
        pair
        for pair in combinations(range(len(energies)), 2)
        if round(abs(energies[pair[0]] - energies[pair[1]]), _ENERGY_DECIMALS) >= MARGIN
    ]
    return [pairs[at] for at in sorted(rng.permutation(len(pairs))[:_PAIRS_EACH].tolist())]


def _atoms(partner: Monomer, ligand: Monomer, placements: Sequence[Placement]) -> dict[str, Any]:
    """Columns with an entry for every atom, structure after structure."""
    count = len(placements)
    numbers = [*partner.numbers.tolist(), *ligand.numbers.tolist()]
    side = [False] * len(partner.numbers) + [True] * len(ligand.numbers)
    return {
        "atomic_numbers": numbers * count,
        "positions": [row for placed in placements for row in placed.positions.tolist()],
        "is_ligand": side * count,
        "structure": [index for index in range(count) for _ in numbers],
    }


GENERATOR = Generator("xtb-dimers", SCHEMA, plan_dimers, compute_dimers)
