"""Pairs a second of 3DMRL: pretraining, shell and reader included, and fine-tuning of each encoder.

    python -m benchmarks.relational [--threads N] [--repeats N] [--only pretrain|finetune|all]

Pairs are those of `chromophore` where it is built in MOLBENCH_HOME, else of `xtb-solvation`, whose molecules
are smaller. Everything takes turns with PyTorch Geometric's SchNet of `benchmarks/backbones.py`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch_geometric.nn import SchNet as PygSchNet

from benchmarks.backbones import PEER, GivenGraph, molecules, step
from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.backbones.pairs.base import PairBackbone
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.graph.neighbors import radius_edges
from molbench.methods import build_method
from molbench.methods.mrl3d.objective import MRL3D
from molbench.methods.mrl3d.solvent_shell import draw_shells
from molbench.paths import catalogue_root, home
from molbench.training.allocator import tune_allocator

PAIRS, FINE_TUNED = 48, 256
ENCODERS = ("cigin", "cgib", "cgib-cont", "mpnn", "attentivefp", "gin-cigin")

Contestants = dict[str, tuple[int, Callable[[], object]]]


def open_store() -> Store:
    """The pairs that are at hand."""
    folder = home() / "datasets/chromophore"
    if folder.is_dir():
        return Store.open(folder, "absorption")
    return Store.open(catalogue_root() / "datasets/xtb-solvation")


def peer(count: int) -> tuple[int, Callable[[], None]]:
    """PyTorch Geometric's SchNet, its edges given."""
    _, batch = molecules(count)
    edges = radius_edges(batch, 10.0)
    schnet = PygSchNet(128, 128, 6, 51, 10.0, interaction_graph=GivenGraph(edges), readout="mean")
    labels = torch.randn(batch.num_graphs, 1)

    def loss() -> Tensor:
        return (schnet(batch.atomic_numbers, batch.positions, batch.molecule) - labels).abs().mean()

    return batch.num_graphs, step(schnet, loss)


def pretraining(store: Store, count: int) -> tuple[str, Contestants]:
    """What the batch is, a whole step, and its parts, each forward and backward."""
    method = cast(MRL3D, build_method("3dmrl", build_backbone("cigin")))
    reader, generator = method.reader(store), torch.Generator().manual_seed(0)
    rows = method.select(store, np.arange(len(store)))
    rows = np.random.default_rng(0).choice(rows, count, replace=False)
    batch = reader.batch(rows)
    shell = method.surround(batch, draw_shells(batch.a, method.config.copies, generator))
    edges = radius_edges(shell.batch(), method.config.cutoff)
    encoded = method.backbone.encode(batch.pairs)
    given = replace(
        encoded,
        scalars=encoded.scalars.detach().requires_grad_(),
        b_atoms=cast(Tensor, encoded.b_atoms).detach().requires_grad_(),
    )
    described = (
        f"{count} pairs of {store.dataset_id}: {batch.a.num_atoms} solute atoms, {batch.b.num_atoms} solvent "
        f"atoms, {len(shell.positions)} in shells, {2 * edges.num_edges} directed edges"
    )

    def backward(value: Callable[[], Tensor]) -> Callable[[], None]:
        return lambda: value().square().sum().backward()

    return described, {
        "pretraining step": (count, step(method, lambda: method.loss(reader.batch(rows), generator)[0])),
        "  reading": (count, lambda: reader.batch(rows)),
        "  shell": (
            count,
            lambda: method.surround(batch, draw_shells(batch.a, method.config.copies, generator)),
        ),
        "  2-D encoder": (count, backward(lambda: method.backbone.encode(batch.pairs).graph)),
        "  3-D encoder": (count, backward(lambda: method.shell_encoder(shell, batch.b))),
        "  force head": (count, backward(lambda: method.predict_forces(batch, shell, given))),
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


def fine_tuning(store: Store, count: int) -> Contestants:
    """A step of each encoder: reading, its objective, backward and Adam."""
    return dict(_fine_tuned(store, name, count) for name in ENCODERS)


def _fine_tuned(store: Store, name: str, count: int) -> tuple[str, tuple[int, Callable[[], None]]]:
    # 3DMRL fine-tunes on chromophores without hydrogens.
    backbone = cast(PairBackbone, build_backbone(name, {"hydrogens": store.subset is None}))
    model, generator = Supervised(backbone), torch.Generator().manual_seed(0)
    reader = PairReader(store, backbone.features, hydrogens=backbone.hydrogens)
    size = min(count, len(store))
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


def rows_of(contestants: Contestants, seconds: dict[str, list[tuple[float, float]]]) -> list[Measured]:
    """What each took."""
    rows = []
    for name, (size, _) in contestants.items():
        wall, busy = zip(*seconds[name], strict=True)
        cells = {"ms": Spread.of(wall, 1e3), "ms of processors": Spread.of(busy, 1e3)}
        rows.append(Measured(name, {**cells, "a second": Spread.of([size / taken for taken in wall])}))
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", choices=("pretrain", "finetune", "all"), default="all")
    parser.add_argument("--pairs", type=int, help="In place of the batch sizes.")
    options = options_of(parser, toy={"repeats": 1, "pairs": 2})
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    store = open_store()
    contestants: Contestants = {PEER: peer(options.pairs or 128)}
    work = f"pairs of {store.dataset_id}"
    if options.only != "finetune":
        work, parts = pretraining(store, options.pairs or PAIRS)
        contestants |= parts
    if options.only != "pretrain":
        contestants |= fine_tuning(store, options.pairs or FINE_TUNED)
    report(options, rows_of(contestants, timed(contestants, options.repeats)), work=work)


if __name__ == "__main__":
    main()
