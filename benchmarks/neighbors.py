"""Neighbour search: all pairs and a mask, a loop in C, and the k-d tree, by size of molecule.

    python -m benchmarks.neighbors

Milliseconds a batch for each, on one thread, and the others' over the loop's; where trees become faster is
where ``TREE_OVER_LOOP`` and ``TREE_OVER_MASK`` in ``molbench.graph.neighbors`` should be.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch

from benchmarks.record import Cell, Measured, Spread, options_of, report
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import _masked_pairs, _near_pairs, _tree_pairs

SEARCHES = _masked_pairs, _near_pairs, _tree_pairs
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
    parser.add_argument("--atoms", type=int, default=4800, help="of a batch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[18, 48, 96, 192, 384, 768, 2400, 4800])
    parser.add_argument("--repeats", type=int, default=9)
    options = options_of(parser, toy={"atoms": 60, "sizes": [10, 20], "repeats": 1})
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = []
    for cutoff in (5.0, 10.0):
        for size in options.sizes:
            batch = cubes(size, options.atoms)
            searches = [partial(search, batch, cutoff) for search in SEARCHES]
            times = [[seconds(search) for search in searches] for _ in range(options.repeats + 1)][1:]
            pairs, loop, tree = zip(*times, strict=True)
            each = {"all pairs": pairs, "loop": loop, "tree": tree}
            cells: dict[str, Cell] = {f"{name}, ms": Spread.of(taken, 1e3) for name, taken in each.items()}
            cells |= {f"{name} / loop": Spread.ratio(each[name], loop) for name in ("all pairs", "tree")}
            rows.append(Measured(f"{size} atoms, {cutoff:g} Å", cells))
    report(options, rows, atoms_a_batch=options.atoms)


if __name__ == "__main__":
    main()
