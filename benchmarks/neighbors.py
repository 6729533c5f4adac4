"""Neighbour search: all pairs and a mask against the k-d tree, by size of molecule.

    python benchmarks/neighbors.py

Prints milliseconds a batch for either, on one thread, and their ratio; the size where it passes 1 is what
``molbench.graph.neighbors.TREE_FROM`` should be.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import _masked_pairs, _tree_pairs

ATOMS = 2400
DENSITY = 0.1  # atoms/Å³, that of organic matter with its hydrogens


def seconds(run: Callable[[], object], repeats: int = 9) -> float:
    """Median time of a call."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def cubes(size: int) -> MoleculeBatch:
    """About ``ATOMS`` atoms in cubes of ``size`` atoms each."""
    count = max(1, ATOMS // size)
    positions = (size / DENSITY) ** (1 / 3) * torch.rand(count * size, 3)
    return MoleculeBatch(
        torch.ones(len(positions), dtype=torch.int64), positions, torch.arange(count + 1) * size
    )


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{platform.machine()}, torch {torch.__version__}, 1 thread, {ATOMS} atoms a batch")
    print(f"{'atoms':>6} {'cutoff':>7} {'all pairs ms':>13} {'tree ms':>9} {'ratio':>6}")
    for cutoff in (5.0, 10.0):
        for size in (18, 48, 96, 192, 384, 768, 2400):
            batch = cubes(size)
            pairs = seconds(partial(_masked_pairs, batch, cutoff))
            tree = seconds(partial(_tree_pairs, batch, cutoff))
            print(f"{size:6} {cutoff:7} {1e3 * pairs:13.2f} {1e3 * tree:9.2f} {pairs / tree:6.2f}")


if __name__ == "__main__":
    main()
