"""Neighbour search: all pairs and a mask against the k-d tree, by size of molecule.

    python -m benchmarks.neighbors

Milliseconds a batch for either, on one thread, and their ratio; the size where it passes 1 is what
``molbench.graph.neighbors.TREE_FROM`` should be.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.record import Measured, Spread, options_of, report
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import _masked_pairs, _tree_pairs

DENSITY = 0.1  # atoms/Å³, that of organic matter with its hydrogens


def seconds(run: Callable[[], object]) -> float:
    """Time of a call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def cubes(size: int, atoms: int) -> MoleculeBatch:
    """About so many atoms in cubes of ``size`` atoms each."""
    count = max(1, atoms // size)
    positions = (size / DENSITY) ** (1 / 3) * torch.rand(count * size, 3)
    return MoleculeBatch(
        torch.ones(len(positions), dtype=torch.int64), positions, torch.arange(count + 1) * size
    )


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--atoms", type=int, default=2400, help="of a batch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[18, 48, 96, 192, 384, 768, 2400])
    parser.add_argument("--repeats", type=int, default=9)
    options = options_of(parser, toy={"atoms": 60, "sizes": [10, 20], "repeats": 1})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = []
    for cutoff in (5.0, 10.0):
        for size in options.sizes:
            batch = cubes(size, options.atoms)
            searches = [partial(search, batch, cutoff) for search in (_masked_pairs, _tree_pairs)]
            times = [[seconds(search) for search in searches] for _ in range(options.repeats + 1)][1:]
            pairs, tree = zip(*times, strict=True)
            cells = {"all pairs, ms": Spread.of(pairs, 1e3), "tree, ms": Spread.of(tree, 1e3)}
            name = f"{size} atoms, {cutoff:g} Å"
            rows.append(Measured(name, {**cells, "all pairs / tree": Spread.ratio(pairs, tree)}))
    report(options, rows, atoms_a_batch=options.atoms)


if __name__ == "__main__":
    main()
