"""Laws and sensitivities of encoders of pairs of 2-D graphs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from molbench.evaluation.audits.base import Subject, audit, largest_changes, per_record
from molbench.evaluation.audits.sensitivities import blind
from molbench.evaluation.audits.symmetries import shuffled
from molbench.graph.pairs import MolecularGraphs, PairBatch


@audit("pair-permutation")
def pair_permutation(subject: Subject) -> np.ndarray:
    """In a random order of the atoms of each molecule, and of its bonds, each turned about."""
    pairs = subject.pairs
    (a, back), (b, _) = (_reordered(side, seed) for seed, side in enumerate((pairs.a, pairs.b)))
    after = subject.encode(PairBatch(a, b))
    placed = type(after)(after.scalars[back], after.graph)
    return largest_changes(subject, placed, owner=pairs.a.molecule)


@audit("pair-batch")
def pair_alone(subject: Subject) -> np.ndarray:
    """Each pair on its own."""
    pairs, errors = subject.pairs, []
    for index in range(pairs.num_graphs):
        after = subject.encode(PairBatch(_one(pairs.a, index), _one(pairs.b, index)))
        errors.append(per_record(after.graph, subject.before.graph[index : index + 1]))
    return np.concatenate(errors)


@audit("pair-precision")
def pair_precision(subject: Subject) -> np.ndarray:
    """Of the pair's vector."""
    single = subject.single()
    return per_record(single.encode(single.batch).graph.double(), subject.before.graph)


@audit("pair-atom-types")
def pair_atom_types(subject: Subject) -> np.ndarray:
    """One where nothing changes without the features of the first atom of the first molecule."""
    pairs = subject.pairs
    atoms = pairs.a.atoms.clone()
    atoms[pairs.a.ptr[:-1]] = 0.0
    altered = MolecularGraphs(atoms, pairs.a.bonds, pairs.a.bond_features, pairs.a.ptr)
    return blind(per_record(subject.encode(PairBatch(altered, pairs.b)).graph, subject.before.graph))


@audit("pair-order")
def pair_order(subject: Subject) -> np.ndarray:
    """With the second molecule first."""
    pairs = subject.pairs
    return per_record(subject.encode(PairBatch(pairs.b, pairs.a)).graph, subject.before.graph)


def _reordered(graphs: MolecularGraphs, seed: int) -> tuple[MolecularGraphs, Tensor]:
    """The same molecules listed otherwise, and where each atom went, [N]."""
    order = shuffled(graphs.molecule, seed)
    back = order.argsort()
    bonds = shuffled(graphs.molecule[graphs.bonds[:, 0]], seed)
    return MolecularGraphs(
        graphs.atoms[order], back[graphs.bonds[bonds]].flip(1), graphs.bond_features[bonds], graphs.ptr
    ), back


def _one(graphs: MolecularGraphs, index: int) -> MolecularGraphs:
    start, stop = list(pairwise(graphs.ptr.tolist()))[index]
    inside = graphs.molecule[graphs.bonds[:, 0]] == index
    return MolecularGraphs(
        graphs.atoms[start:stop],
        graphs.bonds[inside] - start,
        graphs.bond_features[inside],
        torch.tensor([0, stop - start]),
    )
