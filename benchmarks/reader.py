"""The reader against PyTorch Geometric's in-memory dataset and loader, on the same molecules in one run.

Build a dataset first (``molbench data build qm9 --raw DIR --allow-partial``), then run
``python benchmarks/reader.py "$MOLBENCH_HOME/datasets/qm9-partial" --target homo``.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.loader import DataLoader

from molbench.data.read.loader import Loader
from molbench.data.read.store import Store


class Molecules(InMemoryDataset):
    """The store's molecules as PyTorch Geometric keeps them: collated once and reloaded from disk."""

    def __init__(self, root: str, store: Store, target: str) -> None:
        self.store, self.target = store, target
        super().__init__(root)
        self.load(self.processed_paths[0])

    @property
    def processed_file_names(self) -> list[str]:
        """One file."""
        return ["data.pt"]

    def process(self) -> None:
        """Write the collated file."""
        everything = self.store.batch(np.arange(len(self.store)), [self.target])
        numbers, positions = everything.atomic_numbers, everything.positions
        self.save(
            [
                Data(z=numbers[a:b].clone(), pos=positions[a:b].clone(), y=label.view(1))
                for (a, b), label in zip(
                    pairwise(everything.ptr.tolist()), everything.targets[self.target], strict=True
                )
            ],
            self.processed_paths[0],
        )


def seconds(epoch: Callable[[], Iterable[object]]) -> float:
    """Wall time of one pass."""
    start = time.perf_counter()
    for _ in epoch():
        pass
    return time.perf_counter() - start


def main() -> None:
    """Time both readers and print graphs per second and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    store = Store.open(arguments.folder)
    loader = Loader(store, np.arange(len(store)), arguments.batch_size, targets=[arguments.target])
    with TemporaryDirectory() as root:
        first, later, ours = [], [], []
        for _ in range(arguments.repeats):
            dataset = Molecules(root, store, arguments.target)
            pyg = DataLoader(dataset, arguments.batch_size, shuffle=True)
            first.append(seconds(lambda pyg=pyg: pyg))
            later += [seconds(lambda pyg=pyg: pyg) for _ in range(2)]
            ours += [seconds(lambda e=e: loader.epoch(e)) for e in range(3)]
    rate = {
        name: len(store) / statistics.median(times)
        for name, times in {"pyg first epoch": first, "pyg later epochs": later, "molbench": ours}.items()
    }
    report = {
        "machine": platform.processor() or platform.machine(),
        "threads": arguments.threads,
        "molecules": len(store),
        "batch size": arguments.batch_size,
        "repeats": arguments.repeats,
        "graphs per second (median)": {name: round(value) for name, value in rate.items()},
        "ratio to pyg first epoch": round(rate["molbench"] / rate["pyg first epoch"], 1),
        "ratio to pyg later epochs": round(rate["molbench"] / rate["pyg later epochs"], 1),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
