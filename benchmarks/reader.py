"""The reader against PyTorch Geometric's in-memory dataset and loader, on the same molecules in one run.

Build a dataset first (``molbench data build qm9 --raw DIR --allow-partial``), then run
``python -m benchmarks.reader "$MOLBENCH_HOME/datasets/qm9-partial"``; without a folder, it is xtb-molecules.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.loader import DataLoader

from benchmarks.record import Measured, Spread, options_of, report
from molbench.data.read.loader import Loader
from molbench.data.read.store import Store
from molbench.paths import catalogue_root


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
    """Time both readers in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=catalogue_root() / "datasets/xtb-molecules")
    parser.add_argument("--target", default="homo")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--molecules", type=int, help="Only the first so many.")
    options = options_of(parser, toy={"repeats": 1, "molecules": 50})
    torch.set_num_threads(options.threads)
    store = Store.open(options.folder)
    count = min(options.molecules or len(store), len(store))
    loader = Loader(store, np.arange(count), options.batch_size, targets=[options.target])
    first, later, ours = [], [], []
    with TemporaryDirectory() as root:
        for _ in range(options.repeats):
            dataset = Molecules(root, store, options.target)[:count]
            pyg = DataLoader(dataset, options.batch_size, shuffle=True)
            first.append(seconds(lambda pyg=pyg: pyg))
            later += [seconds(lambda pyg=pyg: pyg) for _ in range(2)]
            ours += [seconds(lambda e=e: loader.epoch(e)) for e in range(2)]
    peers = {"PyG's first epoch": first, "PyG's later epochs": later}
    rows = [Measured(name, {"graphs/s": rate(count, taken)}) for name, taken in peers.items()]
    ratios = {f"× {name}": Spread.ratio(taken, ours[: len(taken)]) for name, taken in peers.items()}
    peer = "InMemoryDataset and DataLoader of PyG"
    rows.append(Measured("molbench", {"graphs/s": rate(count, ours), **ratios}, peer))
    report(options, rows, molecules=count, batch_size=options.batch_size)


def rate(count: int, taken: list[float]) -> Spread:
    """Graphs a second."""
    return Spread.of([count / one for one in taken])


if __name__ == "__main__":
    main()
