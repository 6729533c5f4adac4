"""A few molecules that every model of somebody else's is tried on."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from itertools import pairwise

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.external.encoder import Encoder, Limits, checked
from molbench.evaluation.external.standalone import Molecule

_SMILES = ("C", "CO", "C=O", "NC=O", "CC#N", "c1ccccc1", "C1CO1", "CF", "[NH4+]", "[O-]C=O")
_DIGITS = 9


@cache
def reference_molecules() -> tuple[Molecule, ...]:
    """Ten small molecules of H, C, N, O and F with geometries, two of them ions."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecules = []
    for smiles in _SMILES:
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(molecule, randomSeed=7)  # type: ignore[attr-defined]
        numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        positions = molecule.GetConformer().GetPositions().round(3)
        molecules.append(Molecule(smiles, numbers, positions, Chem.GetFormalCharge(molecule), 1, smiles))
    return tuple(molecules)


def supported(limits: Limits) -> list[Molecule]:
    """Those that a model supports.

    Raises:
        UserError: If there are fewer than two.
    """
    molecules = [molecule for molecule in reference_molecules() if not limits.exceeded(molecule)]
    if len(molecules) < 2:
        raise UserError("the model supports none of the small molecules of H, C, N, O and F it is tried on")
    return molecules


def tried_on(encoder: Encoder) -> list[Molecule]:
    """What a model is tried on: molecules that it supports, or pairs of each with the next.

    Raises:
        UserError: See :func:`supported`.
    """
    molecules = supported(encoder.limits)
    if not encoder.of_pairs:
        return molecules
    return [member for pair in pairwise(molecules) for member in pair]


def behaviour(encoder: Encoder, version: str) -> str:
    """SHA-256 of what a model answers for the molecules that it supports, to nine digits."""
    vectors = checked(encoder, tried_on(encoder))
    scale = float(np.abs(vectors).max()) or 1.0
    rounded = np.round(vectors / scale, _DIGITS) + 0.0  # no minus zero
    text = f"{version} {vectors.shape} {scale:.{_DIGITS}g} ".encode()
    return sha256(text + rounded.tobytes()).hexdigest()
