"""Pairs a second of 3DMRL: pretraining, environment and reader included, and fine-tuning of each encoder.

    python benchmarks/relational.py [--threads N] [--repeats N] [--only pretrain|finetune|all]

Pairs are those of `chromophore` where it is built in MOLBENCH_HOME, else of `xtb-solvation`, whose molecules
are smaller than those of the original's figure. Everything takes turns with PyTorch Geometric's SchNet of
`benchmarks/backbones.py` on the same machine in the same run, so that the original's figure can be carried
over: 48 pairs took it 14.37 s (a step of 14.23 s, and 0.14 s of environments) where that SchNet trained on
282 molecules/s, with two threads.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import torch
from backbones import GivenGraph, molecules, step
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch_geometric.nn import SchNet as PygSchNet

from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.backbones.pairs.base import PairBackbone
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.graph.neighbors import radius_edges
from molbench.methods import build_method
from molbench.methods.mrl3d.environment import draw
from molbench.methods.mrl3d.objective import MRL3D
from molbench.paths import catalogue_root, home
from molbench.training.allocator import tune_allocator

PAIRS, ORIGINAL, YARDSTICK = 48, 48 / 14.371, 282.0
FINE_TUNED = 256
ENCODERS = ("cigin", "cgib", "cgib-cont", "mpnn", "attentivefp", "gin-cigin")

Contestants = dict[str, tuple[int, Callable[[], object]]]


def open_store() -> Store:
    """The pairs that are at hand."""
    folder = home() / "datasets/chromophore"
    if folder.is_dir():
        return Store.open(folder, "absorption")
    return Store.open(catalogue_root() / "datasets/xtb-solvation")


def yardstick() -> tuple[int, Callable[[], None]]:
    """PyTorch Geometric's SchNet, its edges given."""
    _, batch = molecules()
    edges = radius_edges(batch, 10.0)
    schnet = PygSchNet(128, 128, 6, 51, 10.0, interaction_graph=GivenGraph(edges), readout="mean")
    labels = torch.randn(batch.num_graphs, 1)

    def loss() -> Tensor:
        return (schnet(batch.atomic_numbers, batch.positions, batch.molecule) - labels).abs().mean()

    return batch.num_graphs, step(schnet, loss)


def pretraining(store: Store) -> tuple[str, Contestants]:
    """What the batch is, a whole step, and its parts, each forward and backward."""
    method = cast(MRL3D, build_method("3dmrl", build_backbone("cigin")))
    reader, generator = method.reader(store), torch.Generator().manual_seed(0)
    rows = method.select(store, np.arange(len(store)))
    rows = np.random.default_rng(0).choice(rows, PAIRS, replace=False)
    batch = reader.batch(rows)
    environment = method.surround(batch, draw(batch.a, method.config.copies, generator))
    edges = radius_edges(environment.batch(), method.config.cutoff)
    encoded = method.backbone.encode(batch.pairs)
    given = replace(
        encoded,
        scalars=encoded.scalars.detach().requires_grad_(),
        b_atoms=cast(Tensor, encoded.b_atoms).detach().requires_grad_(),
    )
    described = (
        f"{PAIRS} pairs of {store.dataset_id}: {batch.a.num_atoms} solute atoms, {batch.b.num_atoms} solvent "
        f"atoms, {len(environment.positions)} in environments, {2 * edges.num_edges} directed edges"
    )

    def backward(value: Callable[[], Tensor]) -> Callable[[], None]:
        return lambda: value().square().sum().backward()

    return described, {
        "pretraining step": (PAIRS, step(method, lambda: method.loss(reader.batch(rows), generator)[0])),
        "  reading": (PAIRS, lambda: reader.batch(rows)),
        "  environment": (
            PAIRS,
            lambda: method.surround(batch, draw(batch.a, method.config.copies, generator)),
        ),
        "  2-D encoder": (PAIRS, backward(lambda: method.backbone.encode(batch.pairs).graph)),
        "  3-D encoder": (PAIRS, backward(lambda: method.environment(environment, batch.b))),
        "  force head": (PAIRS, backward(lambda: method.predict_forces(batch, environment, given))),
    }


class Supervised(nn.Module):
    """An encoder of pairs and its predictor."""

    def __init__(self, backbone: PairBackbone) -> None:
        super().__init__()
        self.backbone, self.head = backbone, backbone.paper_head()

    def predict(self, encoded: Representation) -> Tensor:
        """Predictions, [R]."""
        result: Tensor = self.head(encoded.graph).squeeze(-1)
        return result


def fine_tuning(store: Store) -> Contestants:
    """A step of each encoder: reading, its objective, backward and Adam."""
    return dict(_fine_tuned(store, name) for name in ENCODERS)


def _fine_tuned(store: Store, name: str) -> tuple[str, tuple[int, Callable[[], None]]]:
    # 3DMRL fine-tunes on chromophores without hydrogens.
    backbone = cast(PairBackbone, build_backbone(name, {"hydrogens": store.subset is None}))
    model, generator = Supervised(backbone), torch.Generator().manual_seed(0)
    reader = PairReader(store, backbone.features, hydrogens=backbone.hydrogens)
    size = min(FINE_TUNED, len(store))
    rows = np.random.default_rng(0).choice(len(store), size, replace=False)

    def loss() -> Tensor:
        batch = reader.batch(rows)
        compare = partial(mse_loss, target=torch.zeros(size))
        return backbone.objective(model.predict, compare, batch, generator)[0]

    return f"fine-tuning {name}", (size, step(model, loss))


def timed(contestants: Contestants, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of every run by the clock and of the processor; the first two of each warm up."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for repeat in range(repeats + 2):
        for name, (_, run) in contestants.items():
            start, start_busy = time.perf_counter(), time.process_time()
            run()
            if repeat >= 2:
                seconds[name].append((time.perf_counter() - start, time.process_time() - start_busy))
    return seconds


def lines(contestants: Contestants, seconds: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """The table."""
    yield f"{'':22} {'wall ms':>9} {'CPU ms':>9} {'a second':>10}   x original: wall    CPU"
    molecules_of, _ = contestants["SchNet, PyG"]
    for name, (size, _) in contestants.items():
        wall, busy = (statistics.median(times) for times in zip(*seconds[name], strict=True))
        line = f"{name:22} {1e3 * wall:9.1f} {1e3 * busy:9.1f} {size / wall:10.1f}"
        if name == "pretraining step":
            # The original as fast as it would be where SchNet is as fast as it is here, repeat by repeat.
            for kind, gap in ((0, 18), (1, 6)):
                ratio = statistics.median(
                    (size / own[kind]) / (ORIGINAL * (molecules_of / theirs[kind]) / YARDSTICK)
                    for own, theirs in zip(seconds[name], seconds["SchNet, PyG"], strict=True)
                )
                line += f" {ratio:{gap}.1f}x"
        yield line


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=("pretrain", "finetune", "all"), default="all")
    options = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    store = open_store()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {options.threads} threads"
    )
    contestants: Contestants = {"SchNet, PyG": yardstick()}
    if options.only != "finetune":
        described, parts = pretraining(store)
        print(described)
        contestants |= parts
    if options.only != "pretrain":
        contestants |= fine_tuning(store)
    print("\n".join(lines(contestants, timed(contestants, options.repeats))))


if __name__ == "__main__":
    main()
