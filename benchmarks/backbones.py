"""Training steps: our SchNet against PyTorch Geometric's, and GeoSSL-DDM on both backbones.

    python -m benchmarks.backbones [--threads N] [--repeats N]

Both SchNets have 128 features, 128 filters, 6 interactions, 51 Gaussians, 10 Å, the same 128 molecules and
the same edges, found beforehand; a step is forward, backward and Adam. Molecules are QM9 geometries of
MOLBENCH_REAL_DATA or, without it, made up in QM9's sizes. All contestants take turns, so that a busy machine
slows them alike; the allocator is set as for training.
"""

from __future__ import annotations

import argparse
import itertools
import lzma
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric.nn import SchNet as PygSchNet

from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.methods import build_method
from molbench.methods.base import Method
from molbench.testing import example_batch
from molbench.training.allocator import tune_allocator

ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
MOLECULES = 128
PEER = "SchNet, PyG"


def qm9_molecules(every: int = 300) -> Iterator[MoleculeBatch]:
    """Every so many-th molecule of the geometries in MOLBENCH_REAL_DATA."""
    path = Path(os.environ["MOLBENCH_REAL_DATA"]) / "qm9/geometries/qm9_geometries.xyz.xz"
    with lzma.open(path, "rt") as lines:
        for index in itertools.count():
            count = lines.readline()
            if not count:
                return
            rows = [lines.readline().split() for _ in range(int(count) + 1)][1:]
            if index % every == 0:
                numbers = torch.tensor([ELEMENTS[row[0]] for row in rows])
                positions = torch.tensor([[float(x) for x in row[1:4]] for row in rows])
                yield MoleculeBatch(numbers, positions, torch.tensor([0, len(rows)]))


def molecules(count: int = MOLECULES) -> tuple[str, MoleculeBatch]:
    """Where the molecules come from, and all of them."""
    if "MOLBENCH_REAL_DATA" in os.environ:
        return "QM9 geometries", MoleculeBatch.collate(list(itertools.islice(qm9_molecules(), count)))
    sizes = torch.normal(18.0, 3.0, (count,), generator=torch.Generator().manual_seed(0)).round().clamp(3, 29)
    return "made-up molecules", example_batch(sizes.int().tolist(), dtype=torch.float32)


class GivenGraph(nn.Module):
    """PyTorch Geometric's interface to a neighbour list, with ours behind it."""

    def __init__(self, edges: EdgeList) -> None:
        super().__init__()
        self.edges = edges.directed()

    def forward(self, positions: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        """Edge index [2, E] and distances [E]."""
        return torch.stack([self.edges.source, self.edges.target]), self.edges.distances(positions)


class OurEnergy(nn.Module):
    """Backbone and one linear layer, as small as the output of the other."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.width, 1)

    def forward(self, batch: MoleculeBatch, edges: EdgeList) -> Tensor:
        """Energies, [B, 1]."""
        energies: Tensor = self.head(self.backbone(batch, edges).graph)
        return energies


def step(module: nn.Module, loss: Callable[[], Tensor], ours: bool = True) -> Callable[[], None]:
    """A training step; ours has the fused optimiser that training has."""
    optimizer = torch.optim.Adam(module.parameters(), 5e-4, fused=ours)

    def run() -> None:
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def ddm_loss(method: Method, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
    """The loss without what is logged."""
    loss, _ = method.loss(batch, generator)
    return loss


def contestants(batch: MoleculeBatch) -> dict[str, Callable[[], None]]:
    """Name to training step."""
    ours = OurEnergy(build_backbone("schnet"))
    edges = ours.backbone.neighbors(batch)
    theirs = PygSchNet(128, 128, 6, 51, 10.0, interaction_graph=GivenGraph(edges), readout="mean")
    labels = torch.randn(batch.num_graphs, 1)
    steps = {
        PEER: step(
            theirs,
            lambda: (theirs(batch.atomic_numbers, batch.positions, batch.molecule) - labels).abs().mean(),
            ours=False,
        ),
        "SchNet, molbench": step(ours, lambda: (ours(batch, edges) - labels).abs().mean()),
    }
    for name in ("schnet", "painn"):
        method, generator = build_method("geossl-ddm", build_backbone(name)), torch.Generator().manual_seed(0)
        steps[f"GeoSSL-DDM, {name}"] = step(method, partial(ddm_loss, method, batch, generator))
    return steps


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--molecules", type=int, default=MOLECULES)
    options = options_of(parser, toy={"repeats": 1, "molecules": 2})
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    source, batch = molecules(options.molecules)
    steps = contestants(batch)
    wall: dict[str, list[float]] = {name: [] for name in steps}
    busy: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(options.repeats + 2):
        for name, run in steps.items():
            start, start_busy = time.perf_counter(), time.process_time()
            run()
            if repeat >= 2:  # the first two warm up
                wall[name].append(time.perf_counter() - start)
                busy[name].append(time.process_time() - start_busy)
    rows = [
        Measured(
            name,
            {
                "ms": Spread.of(wall[name], 1e3),
                "ms of processors": Spread.of(busy[name], 1e3),
                "molecules/s": Spread.of([batch.num_graphs / seconds for seconds in wall[name]]),
                **({} if name == PEER else {"peer takes ×": Spread.ratio(wall[PEER], wall[name])}),
            },
            None if name == PEER else PEER,
        )
        for name in steps
    ]
    report(options, rows, molecules=f"{batch.num_graphs} {source}", atoms=batch.num_atoms)


if __name__ == "__main__":
    main()
