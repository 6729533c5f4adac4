"""Symmetries of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.testing.molecules import example_batch, random_rotation

Encoder = GeometryBackbone | Callable[[MoleculeBatch], Representation]


def assert_equivariant(encoder: Encoder, batch: MoleculeBatch | None = None, *, atol: float = 1e-9) -> None:
    """Assert that moved molecules have the same scalars, and vectors that moved along.

    Tries a rotation, a rotation with reflection, and a translation.

    Args:
        encoder: Backbone, or function of a batch; of the same precision as the batch.
        batch: Molecules; by default :func:`example_batch`.
        atol: Largest difference allowed, absolute and relative.
    """
    batch = batch or example_batch()
    before = _encode(encoder, batch)
    moves = {
        "rotation": (random_rotation(seed=1), torch.zeros(3)),
        "reflection": (random_rotation(seed=2, reflect=True), torch.zeros(3)),
        "translation": (torch.eye(3), torch.tensor([3.0, -1.0, 2.0])),
    }
    for name, (rotation, shift) in moves.items():
        turn = rotation.to(batch.positions)
        moved = batch.positions @ turn.t() + shift.to(batch.positions)
        after = _encode(encoder, batch.replace(positions=moved))
        _close(after.scalars, before.scalars, atol, f"scalars after {name}")
        _close(after.graph, before.graph, atol, f"molecule vectors after {name}")
        if before.vectors is not None:
            turned = torch.einsum("ij,njv->niv", turn, before.vectors)
            _close(after.vectors, turned, atol, f"vectors after {name}")


def assert_permutable(encoder: Encoder, batch: MoleculeBatch | None = None, *, atol: float = 1e-9) -> None:
    """Assert that listing the atoms of each molecule in another order reorders the features and no more.

    Args:
        encoder: Backbone, or function of a batch; of the same precision as the batch.
        batch: Molecules; by default :func:`example_batch`.
        atol: Largest difference allowed, absolute and relative.
    """
    batch = batch or example_batch()
    generator = torch.Generator().manual_seed(0)
    # Sorting random keys within each molecule shuffles it.
    keys = batch.molecule.cpu() + torch.rand(batch.num_atoms, generator=generator, dtype=torch.float64)
    order = keys.argsort().to(batch.ptr.device)
    shuffled = MoleculeBatch(batch.atomic_numbers[order], batch.positions[order], batch.ptr)
    before, after = _encode(encoder, batch), _encode(encoder, shuffled)
    _close(after.scalars, before.scalars[order], atol, "scalars of reordered atoms")
    _close(after.graph, before.graph, atol, "molecule vectors of reordered atoms")
    if before.vectors is not None:
        _close(after.vectors, before.vectors[order], atol, "vectors of reordered atoms")


def assert_batch_independent(
    encoder: Encoder, batch: MoleculeBatch | None = None, *, atol: float = 1e-9
) -> None:
    """Assert that each molecule has the same features alone as among others.

    Args:
        encoder: Backbone, or function of a batch; of the same precision as the batch.
        batch: Molecules; by default :func:`example_batch`.
        atol: Largest difference allowed, absolute and relative.
    """
    batch = batch or example_batch()
    together = _encode(encoder, batch)
    bounds = batch.ptr.tolist()
    for index, (start, stop) in enumerate(pairwise(bounds)):
        ptr = torch.tensor([0, stop - start], device=batch.ptr.device)
        alone = _encode(
            encoder, MoleculeBatch(batch.atomic_numbers[start:stop], batch.positions[start:stop], ptr)
        )
        _close(alone.scalars, together.scalars[start:stop], atol, f"scalars of molecule {index} alone")
        _close(alone.graph[0], together.graph[index], atol, f"molecule vector of molecule {index} alone")
        if together.vectors is not None:
            _close(alone.vectors, together.vectors[start:stop], atol, f"vectors of molecule {index} alone")


def _encode(encoder: Encoder, batch: MoleculeBatch) -> Representation:
    with torch.no_grad():
        return encoder(batch, vectors=True) if isinstance(encoder, GeometryBackbone) else encoder(batch)


def _close(actual: Any, expected: Any, atol: float, what: str) -> None:
    torch.testing.assert_close(actual, expected, atol=atol, rtol=atol, msg=lambda m: f"{what}: {m}")
