"""What must not change when molecules are moved, renamed, or put among others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from molbench.evaluation.audits.base import ModelAudit, Subject, changes, per_molecule
from molbench.graph.molecules import MoleculeBatch

_TRIES, _FAR = 3, 200.0


def _random(seed: int, reflect: bool) -> Tensor:
    """A random rotation, with a reflection where wanted, [3, 3]."""
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    q = q * torch.linalg.det(q).sign()
    rotation: Tensor = -q if reflect else q
    return rotation


def _turned(subject: Subject, reflect: bool) -> np.ndarray:
    before, errors = subject.encode(subject.batch), []
    for seed in range(_TRIES):
        turn = _random(seed, reflect)
        after = subject.encode(subject.batch.replace(positions=subject.batch.positions @ turn.t()))
        turned = None if before.vectors is None else torch.einsum("ij,njv->niv", turn, before.vectors)
        errors.append(changes(after, before, turned))
    return np.concatenate(errors)


def _shifted(subject: Subject) -> np.ndarray:
    shift = torch.tensor([3.0, -1.0, 20.0], dtype=torch.float64)
    before = subject.encode(subject.batch)
    after = subject.encode(subject.batch.replace(positions=subject.batch.positions + shift))
    return changes(after, before, before.vectors)


def _reordered(subject: Subject) -> np.ndarray:
    batch = subject.batch
    generator = torch.Generator().manual_seed(0)
    keys = batch.molecule + torch.rand(batch.num_atoms, generator=generator, dtype=torch.float64)
    order = keys.argsort()
    before = subject.encode(batch)
    after = subject.encode(MoleculeBatch(batch.atomic_numbers[order], batch.positions[order], batch.ptr))
    back = order.argsort()
    vectors = None if after.vectors is None else after.vectors[back]
    placed = type(after)(after.scalars[back], after.graph, vectors)
    return changes(placed, before, before.vectors)


def _alone(subject: Subject) -> np.ndarray:
    batch, together = subject.batch, subject.encode(subject.batch)
    errors = []
    for index, (start, stop) in enumerate(pairwise(batch.ptr.tolist())):
        one = MoleculeBatch(
            batch.atomic_numbers[start:stop], batch.positions[start:stop], torch.tensor([0, stop - start])
        )
        errors.append(per_molecule(subject.encode(one).graph, together.graph[index : index + 1]))
    return np.concatenate(errors)


def _doubled(subject: Subject) -> np.ndarray:
    """The better of twice the vector, as a sum over atoms gives, and the same one, as a mean does."""
    batch, before = subject.batch, subject.encode(subject.batch)
    numbers, positions = [], []
    for start, stop in pairwise(batch.ptr.tolist()):
        position = batch.positions[start:stop]
        numbers += [batch.atomic_numbers[start:stop]] * 2
        positions += [position, position + _FAR]
    two = MoleculeBatch(torch.cat(numbers), torch.cat(positions), 2 * batch.ptr)
    graph = subject.encode(two).graph
    return min((per_molecule(graph, times * before.graph) for times in (1, 2)), key=np.max)


_LAW = 1e-6

ROTATION = ModelAudit(
    "rotation", 1,
    "How much invariant features change, and vectors fail to turn, when molecules are rotated.",
    lambda subject: _turned(subject, reflect=False), _LAW,
)  # fmt: skip
REFLECTION = ModelAudit(
    "reflection", 1,
    "The same under reflection; an encoder that tells mirror images apart passes the tolerance on purpose.",
    lambda subject: _turned(subject, reflect=True), _LAW,
)  # fmt: skip
TRANSLATION = ModelAudit(
    "translation", 1, "How much features change when molecules are shifted by 20 Å.", _shifted, _LAW
)
PERMUTATION = ModelAudit(
    "permutation", 1, "How much features change when atoms are listed in another order.", _reordered, _LAW
)
BATCH = ModelAudit(
    "batch", 1, "How much a molecule's vector differs alone from that among others.", _alone, _LAW
)
EXTENSIVITY = ModelAudit(
    "extensivity", 1,
    "How far the vector of a molecule and its copy 350 Å away is from twice that of one, or from the same.",
    _doubled, _LAW,
)  # fmt: skip
