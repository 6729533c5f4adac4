"""How much an encoder sees of precision, noise, elements and conformation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from molbench.evaluation.audits.base import Subject, audit, per_record
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.graph.molecules import MoleculeBatch

_NOISE = 0.01
_CARBON, _NITROGEN = 6, 7
#: Change of a vector, as a share of its size, below which it is called the same.
SAME = 1e-6


@audit("precision")
def precision(subject: Subject) -> np.ndarray:
    """Of the molecule's vector."""
    single = subject.single()
    return per_record(single.encode(single.batch).graph.double(), subject.before.graph)


@audit("coordinate-noise")
def coordinate_noise(subject: Subject) -> np.ndarray:
    """Of the molecule's vector."""
    batch = subject.molecules
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(batch.positions.shape, generator=generator, dtype=torch.float64)
    moved = batch.replace(positions=batch.positions + _NOISE * noise)
    return per_record(subject.encode(moved).graph, subject.before.graph)


@audit("atom-types")
def atom_types(subject: Subject) -> np.ndarray:
    """One where nothing changes with carbon in the place of a heavy atom, nitrogen in that of a carbon."""
    batch = subject.molecules
    numbers = batch.atomic_numbers.clone()
    for start, stop in pairwise(batch.ptr.tolist()):
        heavy = start + int(numbers[start:stop].argmax())
        numbers[heavy] = _NITROGEN if numbers[heavy] == _CARBON else _CARBON
    after = subject.encode(MoleculeBatch(numbers, batch.positions, batch.ptr))
    return blind(per_record(after.graph, subject.before.graph))


@audit("conformers")
def conformers(subject: Subject) -> np.ndarray:
    """Between two conformers of one molecule, as a share of that between molecules."""
    from rdkit import Chem

    from molbench.chem.conformers import embed_conformer

    numbers, positions, sizes = [], [], [0]
    for smiles in subject.smiles:
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        pair = [embed_conformer(molecule, seed).positions for seed in (0, 1)]
        if min(map(len, pair)) == 0:
            raise NotApplicableError(f"'{smiles}' has no conformer")
        charges = torch.tensor([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        numbers += [charges, charges]
        positions += [torch.from_numpy(conformer).double() for conformer in pair]
        sizes += [len(charges), len(charges)]
    if not numbers:
        raise NotApplicableError("the molecules have no SMILES")
    batch = MoleculeBatch(torch.cat(numbers), torch.cat(positions), torch.tensor(sizes).cumsum(0))
    graph = subject.encode(batch).graph
    first, second = graph[0::2], graph[1::2]
    between = torch.cdist(first, first)
    typical = between[between > 0].mean().clamp(min=1e-12)
    shares: np.ndarray = ((first - second).norm(dim=1) / typical).numpy()
    return shares


def blind(change: np.ndarray) -> np.ndarray:
    """One where a vector is the same as before, [B]."""
    return (change < SAME).astype(np.float64)
