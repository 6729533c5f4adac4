"""How much an encoder sees of precision, noise, elements and conformation."""

from __future__ import annotations

import copy

import numpy as np
import torch

from molbench.evaluation.audits.base import ModelAudit, NotAuditableError, Subject, per_molecule
from molbench.graph.molecules import MoleculeBatch

_NOISE = 0.01
_CARBON, _NITROGEN = 6, 7


def _precision(subject: Subject) -> np.ndarray:
    before = subject.encode(subject.batch).graph
    single = copy.deepcopy(subject.encoder).float()
    with torch.no_grad():
        after = single(subject.batch.replace(positions=subject.batch.positions.float())).graph
    return per_molecule(after.double(), before)


def _noise(subject: Subject) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(subject.batch.positions.shape, generator=generator, dtype=torch.float64)
    moved = subject.batch.replace(positions=subject.batch.positions + _NOISE * noise)
    return per_molecule(subject.encode(moved).graph, subject.encode(subject.batch).graph)


def _elements(subject: Subject) -> np.ndarray:
    """One heavy atom of each molecule, carbon to nitrogen or any other to carbon."""
    numbers = subject.batch.atomic_numbers.clone()
    for start, stop in zip(subject.batch.ptr.tolist(), subject.batch.ptr[1:].tolist(), strict=False):
        heavy = start + int(numbers[start:stop].argmax())
        numbers[heavy] = _NITROGEN if numbers[heavy] == _CARBON else _CARBON
    changed = MoleculeBatch(numbers, subject.batch.positions, subject.batch.ptr)
    return per_molecule(subject.encode(changed).graph, subject.encode(subject.batch).graph)


def _conformers(subject: Subject) -> np.ndarray:
    """Between two conformers of one molecule, as a share of that between molecules."""
    from rdkit import Chem

    from molbench.chem.conformers import embed

    numbers, positions, sizes = [], [], [0]
    for smiles in subject.smiles:
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        pair = [embed(molecule, seed).positions for seed in (0, 1)]
        if min(map(len, pair)) == 0:
            continue
        charges = torch.tensor([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        numbers += [charges, charges]
        positions += [torch.from_numpy(conformer).double() for conformer in pair]
        sizes += [len(charges), len(charges)]
    if len(numbers) < 4:
        raise NotAuditableError("the molecules have no conformers")
    batch = MoleculeBatch(torch.cat(numbers), torch.cat(positions), torch.tensor(sizes).cumsum(0))
    graph = subject.encode(batch).graph
    first, second = graph[0::2], graph[1::2]
    between = torch.cdist(first, first)
    typical = between[between > 0].mean().clamp(min=1e-12)
    shares: np.ndarray = ((first - second).norm(dim=1) / typical).numpy()
    return shares


PRECISION = ModelAudit(
    "precision", 1, "How much a molecule's vector in single precision differs from that in double.",
    _precision, 1e-4,
)  # fmt: skip
NOISE = ModelAudit(
    "coordinate-noise", 1, "How much a molecule's vector changes by noise of 0.01 Å on all coordinates.",
    _noise, None,
)  # fmt: skip
ELEMENTS = ModelAudit(
    "atom-types", 1,
    "How much a molecule's vector changes when one heavy atom is another element; a blind encoder has zero.",
    _elements, 1e-6, "at least",
)  # fmt: skip
CONFORMERS = ModelAudit(
    "conformers", 1,
    "Distance of two conformers' vectors as a share of the typical distance between molecules.",
    _conformers, None,
)  # fmt: skip
