"""Training steps of two checkouts, before a change and after it, in turns.

    python -m benchmarks.turns BEFORE [--rows PART ...] [--threads N] [--repeats N] [--json FILE]

BEFORE is a folder with another state of this repository; the rows are those of ``methods.py`` (``families``
and ``finetuning``) and ``Pairs, ...``: fine-tuning of encoders of pairs, reading included, on the subset that
``--pairs DATASET/SUBSET`` names of those built in MOLBENCH_HOME. Both checkouts live in processes of their
own, which take turns step by step, so that a busy machine slows both alike; the table gives the median of
each and the median and range of the ratios of neighbouring steps.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from benchmarks.backbones import step
from benchmarks.methods import FAMILIES, FINETUNING, seconds, step_of
from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.methods import build_method
from molbench.methods.mrl3d.objective import MRL3D
from molbench.paths import home
from molbench.training.allocator import tune_allocator

ROOT = Path(__file__).parents[1]
CONTESTS = {contest.name: contest for contest in FAMILIES + FINETUNING}
PAIRS = {
    f"Pairs, {name}": name for name in ("gin-cigin", "cigin", "cgib", "cgib-cont", "mpnn", "attentivefp")
}
PAIRS["Pairs, pretraining by 3dmrl"] = "3dmrl"
BATCH, PRETRAINED = 256, 48


def pair_step(name: str, dataset: str) -> tuple[Callable[[], None], str]:
    """A step of fine-tuning an encoder of pairs and its paper's head, each on another batch."""
    folder, _, subset = dataset.partition("/")
    store = Store.open(home() / "datasets" / folder, subset or None)
    if name == "3dmrl":
        return pretraining_step(store), f"{PRETRAINED} pairs of {dataset}"
    # 3DMRL fine-tunes on chromophores without hydrogens.
    backbone = cast(PairBackbone, build_backbone(name, {"hydrogens": folder != "chromophore"}))
    head, generator = backbone.paper_head(), torch.Generator().manual_seed(0)
    reader = PairReader(store, backbone.features, hydrogens=backbone.hydrogens)
    random, size = np.random.default_rng(0), min(BATCH, len(store))

    def loss() -> Tensor:
        batch = reader.batch(random.choice(len(store), size, replace=False))
        compare = partial(mse_loss, target=torch.zeros(size))
        return backbone.objective(lambda encoded: head(encoded.graph).squeeze(-1), compare, batch, generator)[
            0
        ]

    module = torch.nn.ModuleList([backbone, head])
    return step(module, loss), f"{size} pairs of {dataset}"


def pretraining_step(store: Store) -> Callable[[], None]:
    """A step of 3DMRL, on records and not on combinations."""
    method = cast(MRL3D, build_method("3dmrl", build_backbone("cigin"), {"combine": False, "share": 1.0}))
    reader, random = method.reader(store), np.random.default_rng(0)
    rows, generator = method.select(store, np.arange(len(store))), torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        return method.loss(reader.batch(random.choice(rows, PRETRAINED, replace=False)), generator)[0]

    return step(method, loss)


def serve(options: argparse.Namespace) -> None:
    """Take a step for every line that comes, and say how long it took."""
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    (row,) = options.rows
    if row in PAIRS:
        run, work = pair_step(PAIRS[row], options.pairs)
        size = int(work.split()[0])
    else:
        run, work = step_of(CONTESTS[row], options)
        size = options.molecules or CONTESTS[row].molecules
    run()
    print(json.dumps([size, work]), flush=True)
    for _ in sys.stdin:
        print(json.dumps(seconds(run)), flush=True)


class Contestant:
    """A checkout at work.

    Args:
        checkout: Its folder.
        row: What it does.
        options: As given.
    """

    def __init__(self, checkout: Path, row: str, options: argparse.Namespace) -> None:
        command = [sys.executable, "-m", "benchmarks.turns", str(checkout), "--serve", "--rows", row]
        command += ["--threads", str(options.threads), "--pairs", options.pairs]
        command += ["--molecules", str(options.molecules)] if options.molecules else []
        self.place = tempfile.TemporaryDirectory()
        # The package of the checkout, and the benchmarks of this one.
        for root, names in ((checkout, ("molbench", "datasets", "leaderboards")), (ROOT, ("benchmarks",))):
            for name in names:
                (Path(self.place.name) / name).symlink_to(root.resolve() / name)
        self.process = subprocess.Popen(
            command,
            cwd=self.place.name,
            env=os.environ | {"PYTHONPATH": self.place.name},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.size, self.work = self._read()

    def run(self) -> list[float]:
        """Wall and processor time of a step."""
        print(file=self.process.stdin, flush=True)
        return self._read()

    def end(self) -> None:
        """No more steps."""
        self.process.communicate(timeout=60)
        self.place.cleanup()

    def _read(self) -> list[float]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit("a checkout cannot take this step; see above")
        return cast("list[float]", json.loads(line))


def compare(row: str, options: argparse.Namespace) -> Measured:
    """One row of the table."""
    before, after = Contestant(options.before, row, options), Contestant(ROOT, row, options)
    times = np.array([(before.run(), after.run()) for _ in range(options.repeats + 1)])[1:]
    before.end()
    after.end()
    earlier, later = times[:, 0].T.tolist(), times[:, 1].T.tolist()
    cells = {
        "before, a second": Spread.of([before.size / taken for taken in earlier[0]]),
        "after": Spread.of([after.size / taken for taken in later[0]]),
        "×": Spread.ratio(earlier[0], later[0]),
        "×, processor time": Spread.ratio(earlier[1], later[1]),
        "work": after.work,
    }
    return Measured(row, cells, "the other checkout")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, nargs="?", default=ROOT, help="Another checkout.")
    parser.add_argument("--rows", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--molecules", type=int, help="In place of each row's batch size.")
    parser.add_argument("--pairs", default="ddi/zhang", metavar="DATASET/SUBSET")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(compile=False, precision="32")
    options = options_of(parser, toy={"rows": ["DDM, PaiNN"], "repeats": 1, "molecules": 2})
    if options.serve:
        serve(options)
        return
    rows = []
    for row in [*CONTESTS, *PAIRS]:
        if any(part in row for part in options.rows):
            rows.append(compare(row, options))
            print(rows[-1], flush=True)
    report(options, rows)


if __name__ == "__main__":
    main()
