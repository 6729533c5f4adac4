"""Training steps of every method, in turns with PyTorch Geometric's SchNet.

    python -m benchmarks.methods families|finetuning|methods [--threads N] [--repeats N] [--only PART ...]
        [--compile] [--precision bf16] [--profile]

``families`` and ``finetuning`` are the originals' own configurations at their batch sizes; ``methods`` is
every method that needs nothing but molecules, each on one backbone.

Molecules are the larger ones of the dataset ``xtb-molecules``, 18 atoms on average like QM9's; frames are one
of them with 21 atoms, as aspirin has, shaken. Spectra are random. A step is forward, backward and Adam on a
batch at hand, with the allocator set as for training. All contestants take turns with the peer, which runs in
a process of its own with the allocator as it comes, as its users have it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import SchNet as PygSchNet

from benchmarks.backbones import PEER, GivenGraph, step
from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.backbones.heads.gated import ScalarVectorHead
from molbench.backbones.heads.values import EnergyHead
from molbench.data.read.store import Store
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.graph.scatter import sum_atoms
from molbench.methods import METHODS, build_method
from molbench.training.allocator import tune_allocator

PEER_MOLECULES = 128
MD17_ET = {"width": 128, "layers": 6, "radial": 32}
EMGP_EGNN = ("attr-mask", "edge-pred", "gpt-gnn", "infograph", "gcc", "graphcl", "joao", "joaov2", "pos-pred")
EMGP_EGNN += ("graphmvp", "infomax-3d", "gem", "emgp")


@dataclass(frozen=True)
class Contest:
    """One training step.

    Attributes:
        name: What the table calls it.
        backbone: As registered.
        method: As registered, or "forces" for fine-tuning on energies and forces.
        molecules: Batch size.
        config: Of the backbone.
    """

    name: str
    backbone: str
    method: str
    molecules: int
    config: dict[str, Any] = field(default_factory=dict)


FAMILIES = [
    Contest("GeoSSL-DDM, SchNet", "schnet", "geossl-ddm", 128),
    Contest("GeoSSL-DDM, PaiNN", "painn", "geossl-ddm", 128),
    Contest("3D-EMGP, EGNN", "egnn", "emgp", 64),
    Contest("Coord, ET", "torchmd-et", "coord", 70),
    Contest("MolSpectra stage 1, ET", "torchmd-et", "coord", 70, {"layer_norms": True}),
    Contest("MolSpectra stage 2, ET", "torchmd-et", "molspectra", 32, {"layer_norms": True}),
]
FINETUNING = [
    Contest("MD17, PaiNN", "painn", "forces", 100),
    Contest("MD17, EGNN", "egnn", "forces", 100),
    Contest("MD17, ET", "torchmd-et", "forces", 8, MD17_ET),
]


def every_method() -> list[Contest]:
    """Every method of single molecules, on the encoder that its paper pretrains."""
    contests = []
    for name in METHODS:
        if name in ("frad", "slide", "molspectra", "coord"):
            contests.append(Contest(f"{name}, ET", "torchmd-et", name, 32 if name == "molspectra" else 70))
        elif name in EMGP_EGNN:
            contests.append(Contest(f"{name}, EGNN", "egnn", name, 64))
        elif name != "3dmrl":
            contests += [
                Contest(f"{name}, {backbone}", backbone, name, 128) for backbone in ("schnet", "painn")
            ]
    return contests


class Forces(nn.Module):
    """Fine-tuning on energies and forces, with the head that each paper's encoder has.

    Args:
        backbone: Encoder.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.gated = backbone.name == "torchmd-et"
        self.head = ScalarVectorHead(backbone.width) if self.gated else EnergyHead(backbone.width)

    def loss(self, batch: MoleculeBatch, _: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean absolute errors, 0.2 of the energies' and 0.8 of the forces'."""
        moved = batch.replace(positions=batch.positions.detach().requires_grad_())
        encoded = self.backbone(moved, vectors=self.gated)
        energies = sum_atoms(self.head(encoded)[0], batch) if self.gated else self.head(encoded, moved)
        (gradient,) = torch.autograd.grad(energies.sum(), moved.positions, create_graph=True)
        return 0.2 * (energies - 1).abs().mean() + 0.8 * (gradient - 1).abs().mean(), {}


def molecules(count: int, smallest: int = 16) -> MoleculeBatch:
    """The first so many molecules of at least so many atoms."""
    store = Store.open(Path(__file__).parents[1] / "datasets/xtb-molecules")
    sizes = store.batch(np.arange(len(store))).sizes.numpy()
    return store.batch(np.flatnonzero(sizes >= smallest)[:count])


def frames(count: int) -> MoleculeBatch:
    """The first molecule of 21 atoms so many times, every time shaken."""
    sample = molecules(200, smallest=21)
    start = int(sample.ptr[int((sample.sizes == 21).nonzero()[0])])
    atoms = slice(start, start + 21)
    one = MoleculeBatch(sample.atomic_numbers[atoms], sample.positions[atoms], torch.tensor([0, 21]))
    batch = MoleculeBatch.collate([one] * count)
    return batch.replace(positions=batch.positions + 0.05 * torch.randn_like(batch.positions))


def peer(count: int) -> Callable[[], None]:
    """PyTorch Geometric's SchNet with GeoSSL's hyperparameters and given edges."""
    batch = molecules(count)
    model = PygSchNet(128, 128, 6, 51, 10.0, interaction_graph=GivenGraph(radius_edges(batch, 10.0)))
    labels = torch.randn(batch.num_graphs, 1)
    return step(
        model,
        lambda: (model(batch.atomic_numbers, batch.positions, batch.molecule) - labels).abs().mean(),
        ours=False,
    )


def step_of(contest: Contest, options: argparse.Namespace) -> tuple[Callable[[], None], str]:
    """A contestant's step, and what it works on."""
    backbone, count = build_backbone(contest.backbone, contest.config), options.molecules or contest.molecules
    if contest.method == "forces":
        module, batch = Forces(backbone), frames(count)
    else:
        module, batch = build_method(contest.method, backbone), molecules(count)
        batch = _with_labels(batch, module)
    if options.compile:
        backbone.neighbors = torch.compiler.disable(backbone.neighbors)  # its sizes depend on the data
        backbone.compile(dynamic=False)
    generator = torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            value: Tensor = module.loss(batch, generator)[0]
        return value

    size = f"{batch.num_atoms} atoms, {2 * backbone.neighbors(batch).num_edges} edges"
    return step(module, loss), size


def _with_labels(batch: MoleculeBatch, method: nn.Module) -> MoleculeBatch:
    """Random labels and spectra, drawn here: `turns` takes this step with earlier states of the package."""
    grids = getattr(method.config, "spectra", {})
    labels = {name: torch.rand(batch.num_graphs) for name in method.columns}
    spectra = {name: torch.rand(batch.num_graphs, grid["points"]) for name, grid in grids.items()}
    return batch.replace(targets=batch.targets | labels | spectra)


def timed_peer(connection: Connection, threads: int, count: int) -> None:
    """Time the peer whenever asked, in a process whose allocator nobody has touched."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    run = peer(count)
    run()
    while connection.recv():
        connection.send(seconds(run))


def seconds(run: Callable[[], None]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    start, start_busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - start_busy


def profile(run: Callable[[], None]) -> None:
    """Print the operators in which most of a step's time goes."""
    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        run()
    print(
        profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=18, max_name_column_width=45)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tables = {"families": FAMILIES, "finetuning": FINETUNING, "methods": every_method()}
    parser.add_argument("table", choices=tables, nargs="?", default="families")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--only", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--molecules", type=int, help="In place of each row's batch size.")
    parser.add_argument("--compile", action="store_true", help="torch.compile the encoder.")
    parser.add_argument("--precision", choices=("32", "bf16"), default="32")
    parser.add_argument("--profile", action="store_true", help="Print operators instead of the table.")
    options = options_of(parser, toy={"repeats": 1, "molecules": 2, "only": ["DDM, PaiNN"]})
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    contests = [one for one in tables[options.table] if any(part in one.name for part in options.only)]
    if options.profile:
        for contest in contests:
            profile(step_of(contest, options)[0])
        return
    own_end, other_end = multiprocessing.Pipe()
    count = options.molecules or PEER_MOLECULES
    other = multiprocessing.get_context("spawn").Process(
        target=timed_peer, args=(other_end, options.threads, count), daemon=True
    )
    other.start()
    rows = []
    for contest in contests:
        run, work = step_of(contest, options)
        run()
        pairs = []
        for _ in range(options.repeats):
            own_end.send(True)
            pairs.append((own_end.recv(), seconds(run)))
        rows.append(row_of(contest.name, options.molecules or contest.molecules, count, pairs, work))
        print(rows[-1], flush=True)
    own_end.send(False)
    other.join()
    report(options, rows)


def row_of(
    name: str, own: int, other: int, pairs: list[tuple[tuple[float, float], ...]], work: str
) -> Measured:
    """A contestant beside the peer, by the clock and by the processor."""
    theirs, ours = zip(*pairs, strict=True)
    rates = [[count / taken[0] for taken in times] for count, times in ((own, ours), (other, theirs))]
    busy = [[count / taken[1] for taken in times] for count, times in ((own, ours), (other, theirs))]
    cells = {
        "batch": own,
        "molecules/s": Spread.of(rates[0]),
        "peer, molecules/s": Spread.of(rates[1]),
        "× peer": Spread.ratio(*rates),
        "× peer, processor time": Spread.ratio(*busy),
        "work": work,
    }
    return Measured(name, cells, PEER)


if __name__ == "__main__":
    main()
