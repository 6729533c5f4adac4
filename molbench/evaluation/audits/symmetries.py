"""What must not change when molecules are moved, renamed, or put among others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from molbench.evaluation.audits.base import Subject, audit, largest_changes, per_record
from molbench.graph.molecules import MoleculeBatch

_TRIES, _FAR = 3, 200.0


@audit("rotation")
def rotation(subject: Subject) -> np.ndarray:
    """Worst of three random rotations."""
    return _turned(subject, reflect=False)


@audit("reflection")
def reflection(subject: Subject) -> np.ndarray:
    """Worst of three random rotations with a reflection each."""
    return _turned(subject, reflect=True)


@audit("translation")
def translation(subject: Subject) -> np.ndarray:
    """By 20 Å."""
    shift = torch.tensor([3.0, -1.0, 20.0], dtype=torch.float64)
    moved = subject.molecules.replace(positions=subject.molecules.positions + shift)
    return largest_changes(subject, subject.encode(moved), subject.before.vectors)


@audit("permutation")
def permutation(subject: Subject) -> np.ndarray:
    """In a random order of the atoms of each molecule."""
    batch = subject.molecules
    order = shuffled(batch.molecule, seed=0)
    after = subject.encode(MoleculeBatch(batch.atomic_numbers[order], batch.positions[order], batch.ptr))
    back = order.argsort()
    vectors = None if after.vectors is None else after.vectors[back]
    placed = type(after)(after.scalars[back], after.graph, vectors)
    return largest_changes(subject, placed, subject.before.vectors)


@audit("batch")
def alone(subject: Subject) -> np.ndarray:
    """Each molecule on its own."""
    batch, errors = subject.molecules, []
    for index, (start, stop) in enumerate(pairwise(batch.ptr.tolist())):
        one = MoleculeBatch(
            batch.atomic_numbers[start:stop], batch.positions[start:stop], torch.tensor([0, stop - start])
        )
        errors.append(per_record(subject.encode(one).graph, subject.before.graph[index : index + 1]))
    return np.concatenate(errors)


@audit("extensivity")
def extensivity(subject: Subject) -> np.ndarray:
    """The better of twice the vector, as a sum over atoms gives, and the same one, as a mean does."""
    batch, numbers, positions = subject.molecules, [], []
    for start, stop in pairwise(batch.ptr.tolist()):
        position = batch.positions[start:stop]
        numbers += [batch.atomic_numbers[start:stop]] * 2
        positions += [position, position + _FAR]
    two = MoleculeBatch(torch.cat(numbers), torch.cat(positions), 2 * batch.ptr)
    graph = subject.encode(two).graph
    return min((per_record(graph, times * subject.before.graph) for times in (1, 2)), key=np.max)


def shuffled(owner: Tensor, seed: int) -> Tensor:
    """A random order in which the rows of one owner stay together, [N]."""
    generator = torch.Generator().manual_seed(seed)
    return (owner + torch.rand(len(owner), generator=generator, dtype=torch.float64)).argsort()


def _turned(subject: Subject, reflect: bool) -> np.ndarray:
    batch, vectors = subject.molecules, subject.before.vectors
    worst = np.zeros(batch.num_records)
    for seed in range(_TRIES):
        turn = _random(seed, reflect)
        after = subject.encode(batch.replace(positions=batch.positions @ turn.t()))
        turned = None if vectors is None else torch.einsum("ij,njv->niv", turn, vectors)
        worst = np.maximum(worst, largest_changes(subject, after, turned))
    return worst


def _random(seed: int, reflect: bool) -> Tensor:
    """A random rotation, with a reflection where wanted, [3, 3]."""
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q = q * torch.linalg.det(q).sign()
    turn: Tensor = -q if reflect else q
    return turn
