"""Training steps of two checkouts, before a change and after it, in turns.

    python benchmarks/turns.py BEFORE [--rows PART ...] [--threads N] [--repeats N] [--json]

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
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from backbones import step
from methods import FAMILIES, FINETUNING, seconds, step_of
from torch import Tensor
from torch.nn.functional import mse_loss

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
LINE = "{row:26} {before:8} {after:8}  {ratio:.2f} [{least:.2f}–{most:.2f}] ({processor:.2f})  {work}"


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
        run, work = step_of(CONTESTS[row], argparse.Namespace(compile=False, precision="32"))
        size = CONTESTS[row].molecules
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
        command = [sys.executable, __file__, str(checkout), "--serve", "--rows", row]
        command += ["--threads", str(options.threads), "--pairs", options.pairs]
        environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.size, self.work = self._read()

    def run(self) -> list[float]:
        """Wall and processor time of a step."""
        print(file=self.process.stdin, flush=True)
        return self._read()

    def end(self) -> None:
        """No more steps."""
        self.process.communicate(timeout=60)

    def _read(self) -> list[float]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit("a checkout cannot take this step; see above")
        return cast("list[float]", json.loads(line))


def compare(row: str, options: argparse.Namespace) -> dict[str, object]:
    """One row of the table."""
    before, after = Contestant(options.before, row, options), Contestant(ROOT, row, options)
    times = np.array([(before.run(), after.run()) for _ in range(options.repeats + 1)])[1:]
    before.end()
    after.end()
    rates = [after.size / statistics.median(times[:, side, 0]) for side in (0, 1)]
    ratio, busy = (times[:, 0, kind] / times[:, 1, kind] for kind in (0, 1))
    return {
        "row": row,
        "work": after.work,
        "before": round(rates[0], 1),
        "after": round(rates[1], 1),
        "ratio": round(float(np.median(ratio)), 2),
        "least": round(float(ratio.min()), 2),
        "most": round(float(ratio.max()), 2),
        "processor": round(float(np.median(busy)), 2),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="Another checkout.")
    parser.add_argument("--rows", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--pairs", default="ddi/zhang", metavar="DATASET/SUBSET")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options)
    if not options.json:
        print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {options}")
        print(f"{'':26} {'before':>8} {'after':>8}  a second, and after is so many times as fast (CPU time)")
    for row in [*CONTESTS, *PAIRS]:
        if not any(part in row for part in options.rows):
            continue
        found = compare(row, options)
        if options.json:
            print(json.dumps(found), flush=True)
        else:
            print(LINE.format(**found), flush=True)
    return None


if __name__ == "__main__":
    main()
