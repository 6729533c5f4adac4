"""Forces are the gradient of the energy."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.testing.molecules import example_batch


def assert_conservative(
    predict: Callable[[MoleculeBatch], tuple[Tensor, Tensor]],
    batch: MoleculeBatch | None = None,
    *,
    step: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """Assert that forces equal central differences of the energies, and sum to zero in each molecule.

    Args:
        predict: MoleculeBatch to energies [B] and forces [N, 3], in float64.
        batch: Molecules, in float64; by default :func:`example_batch`.
        step: Displacement in Å.
        atol: Largest difference allowed, absolute and relative.
    """
    batch = batch or example_batch((4, 1, 3))
    _, forces = predict(batch)
    numeric = torch.zeros_like(forces)
    for i in range(3 * batch.num_atoms):
        shift = torch.zeros_like(batch.positions)
        shift.view(-1)[i] = step
        forward, _ = predict(batch.replace(positions=batch.positions + shift))
        backward, _ = predict(batch.replace(positions=batch.positions - shift))
        numeric.view(-1)[i] = -(forward - backward).sum() / (2 * step)
    torch.testing.assert_close(
        forces, numeric, atol=atol, rtol=atol, msg=lambda m: f"forces against differences of energies: {m}"
    )
    net = forces.new_zeros(batch.num_graphs, 3).index_add(0, batch.molecule, forces)
    torch.testing.assert_close(
        net, torch.zeros_like(net), atol=atol, rtol=0, msg=lambda m: f"net force on a molecule: {m}"
    )
