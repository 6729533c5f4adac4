"""How work grows: processor time over records, atoms of a molecule or submissions, and the exponent of each.

An exponent is the slope of time over size on logarithmic axes, over the largest three sizes. The allocator is
set as for training, for a step of hundreds of atoms would else take most of its time for pages of memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
import yaml

from benchmarks.boards import write_submission
from benchmarks.made_up import smiles
from benchmarks.overlap import draw
from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.chem.inchikeys import inchikey
from molbench.data.build.splits.group import group
from molbench.data.build.splits.random import ratio
from molbench.data.leakage.similarity_search import SimilaritySearch
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.kinds.regression import Regression
from molbench.evaluation.measurement import Measurement, estimate_of
from molbench.evaluation.protocols import load_protocol
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.leaderboard.publish import publish
from molbench.spec.catalogue import Catalogue
from molbench.training.allocator import tune_allocator

Work = Callable[[], object]
#: Largest size of what takes minutes beyond.
LARGEST = {"near neighbours in a corpus": 10**5}
FRACTIONS, DENSITY, TASKS = (0.8, 0.1, 0.1), 0.1, 10
RNG = np.random.default_rng(0)


def identity_keys(size: int) -> Work:
    """InChIKeys of so many molecules, each made once."""
    texts = [smiles(number, 7) for number in range(size)]
    return lambda: [inchikey.__wrapped__(text) for text in texts]


def random_split(size: int) -> Work:
    """80 / 10 / 10 % at random."""
    keys = pa.table({"id": [f"r{number}" for number in range(size)]})
    return lambda: ratio(keys, seed=0, fractions=FRACTIONS)


def group_split(size: int) -> Work:
    """Whole groups of four records each."""
    keys = pa.table({"id": [f"r{n}" for n in range(size)], "group": [f"g{n // 4}" for n in range(size)]})
    return lambda: group(keys, seed=0, fractions=FRACTIONS)


def near_neighbours(size: int) -> Work:
    """Search a corpus for near neighbours of as many test molecules."""
    test, corpus = draw(size, 45.0, 0), draw(size, 45.0, 1)
    return lambda: SimilaritySearch(test, 0.9).look_up(corpus)


def ridge(size: int) -> Work:
    """A probe of vectors of width 32."""
    features, labels = RNG.standard_normal((size, 32)), RNG.standard_normal(size)
    return lambda: Regression().linear(labels, load_protocol("probe"), 0).fit(features, labels)


def interval(size: int) -> Work:
    """A score and its interval over test records in clusters of four."""
    clusters = Clusters.of([[f"group:{number // 4}"] for number in range(size)])
    measured = Measurement(np.zeros(1), RNG.standard_normal((1, size)), RNG.standard_normal((1, 3)))
    return lambda: estimate_of(measured, clusters).half_width()


def molecule(size: int) -> MoleculeBatch:
    """One molecule as dense as organic matter."""
    positions = (size / DENSITY) ** (1 / 3) * torch.rand(size, 3)
    return MoleculeBatch(torch.full((size,), 6), positions, torch.tensor([0, size]))


def edges(size: int) -> Work:
    """Neighbours within 5 Å."""
    return partial(radius_edges, molecule(size), 5.0)


def training_step(backbone: str, size: int) -> Work:
    """Forward and backward of an encoder."""
    model, batch = build_backbone(backbone), molecule(size)
    return lambda: model(batch).graph.sum().backward()


def board(size: int, folder: Path) -> Work:
    """Read, rank and write so many submissions of ten tasks."""
    tasks = Catalogue.load().tasks(["qm9/*@*"])[:TASKS]
    rules = {"name": "many", "title": "Many", "description": "Random.", "tasks": [task.id for task in tasks]}
    place = folder / str(size)
    place.mkdir()
    (place / "many.yaml").write_text(yaml.safe_dump(rules))
    for number in range(size):
        write_submission(place / "made" / "made" / f"model-{number}", tasks, np.random.default_rng(number))
    return lambda: publish(place / "made", place / "boards", [str(place / "many.yaml")])


def curves(folder: Path) -> dict[str, tuple[Sequence[int], dict[str, Callable[[int], Work]]]]:
    """Axis to sizes and what is measured over it."""
    records = {
        "identity keys": identity_keys,
        "random split": random_split,
        "split by groups": group_split,
        "near neighbours in a corpus": near_neighbours,
        "probe": ridge,
        "interval of a score": interval,
    }
    atoms = {"neighbours": edges} | {
        f"step of {name}": partial(training_step, name) for name in ("schnet", "painn", "egnn", "torchmd-et")
    }
    return {
        "records": ((10**3, 10**4, 10**5, 10**6), records),
        "atoms": ((10, 30, 100, 200, 350, 500), atoms),
        "submissions": ((1, 10, 100, 300, 1000), {"board": partial(board, folder=folder)}),
    }


def main() -> None:
    """Measure all curves of an axis."""
    parser = argparse.ArgumentParser(description=__doc__)
    axes = ("records", "atoms", "submissions")
    parser.add_argument("axis", choices=axes, nargs="?", default="atoms")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", type=int, help="so many of the smallest")
    parser.add_argument("--only", nargs="+", default=[""], help="Rows whose name contains one of these.")
    options = options_of(parser, toy={"repeats": 1, "sizes": 1})
    torch.set_num_threads(1)
    tune_allocator()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for axis in axes if options.toy else (options.axis,):
            sizes, works = curves(Path(folder))[axis]
            for name, make in works.items():
                if any(part in name for part in options.only):
                    fit = [size for size in sizes if size <= LARGEST.get(name, size)][: options.sizes]
                    rows.append(row_of(name, make, fit, options.repeats))
                    print(rows[-1], flush=True)
    if not rows:
        raise SystemExit(f"no row of {options.axis} is called {' or '.join(options.only)}")
    report(options, rows, over=options.axis, cells="milliseconds of the processor")


def row_of(name: str, make: Callable[[int], Work], sizes: Sequence[int], repeats: int) -> Measured:
    """Processor time of each size, after two runs that warm up, and the exponent."""
    times = []
    for size in sizes:
        work = make(size)
        times.append([processor(work) for _ in range(repeats + 2)][2:])
    medians = [float(np.median(own)) for own in times]
    slope = np.polyfit(np.log(sizes[-3:]), np.log(medians[-3:]), 1)[0] if len(sizes) > 1 else None
    cells = {f"{size:,}": Spread.of(own, 1e3) for size, own in zip(sizes, times, strict=True)}
    return Measured(name, {**cells, "exponent": None if slope is None else float(slope)})


def processor(work: Work) -> float:
    """Seconds of the processor that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
