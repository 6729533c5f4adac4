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
from benchmarks.child import ROOT, Contestant, take_steps
from benchmarks.methods import FAMILIES, FINETUNING, step_of
from benchmarks.record import Measured, Spread, options_of, report
from molbench.backbones import build_backbone
from molbench.backbones.pairs.base import PairBackbone
from molbench.data.read.pair_reader import PairReader
from molbench.data.read.store import Store
from molbench.methods import build_method
from molbench.methods.mrl3d.objective import MRL3D
from molbench.paths import home
from molbench.training.allocator import tune_allocator

CONTESTS = {contest.name: contest for contest in FAMILIES + FINETUNING}
PAIRS = {
    f"Pairs, {name}": name for name in ("gin-cigin", "cigin", "cgib", "cgib-cont", "mpnn", "attentivefp")
}
PAIRS["Pairs, pretraining by 3dmrl"] = "3dmrl"
BATCH, PRETRAINED = 256, 48


def open_pairs(dataset: str) -> Store:
    """The pairs of ``--pairs``."""
    folder, _, subset = dataset.partition("/")
    return Store.open(home() / "datasets" / folder, subset or None)


def pair_step(
    name: str, store: Store, draw: Callable[[np.ndarray], np.ndarray] | None = None
) -> Callable[[], None]:
    """A step of an encoder of pairs, reading included.

    Args:
        name: Of the encoder, which is fine-tuned with its paper's head; or 3dmrl, on records.
        store: Pairs.
        draw: Rows of a batch, of all that the step may use; by default others in each step.
    """
    random = np.random.default_rng(0)
    if name == "3dmrl":
        method = cast(MRL3D, build_method("3dmrl", build_backbone("cigin"), {"combine": False, "share": 1.0}))
        shells, generator = method.reader(store), torch.Generator().manual_seed(0)
        usable = method.select(store, np.arange(len(store)))
        draw = draw or (lambda rows: random.choice(rows, PRETRAINED, replace=False))
        return step(method, lambda: method.loss(shells.batch(draw(usable)), generator)[0])
    # 3DMRL fine-tunes on chromophores without hydrogens.
    backbone = cast(PairBackbone, build_backbone(name, {"hydrogens": store.dataset_id != "chromophore"}))
    head, generator = backbone.paper_head(), torch.Generator().manual_seed(0)
    reader = PairReader(store, backbone.features, hydrogens=backbone.hydrogens)
    everything = np.arange(len(store))
    draw = draw or (lambda rows: random.choice(rows, min(BATCH, len(rows)), replace=False))

    def loss() -> Tensor:
        rows = draw(everything)
        compare = partial(mse_loss, target=torch.zeros(len(rows)))
        return backbone.objective(
            lambda encoded: head(encoded.graph).squeeze(-1), compare, reader.batch(rows), generator
        )[0]

    return step(torch.nn.ModuleList([backbone, head]), loss)


def made(options: argparse.Namespace) -> tuple[Callable[[], None], str, int]:
    """The step of a row, its work and its size."""
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    (row,) = options.rows
    if row not in PAIRS:
        return *step_of(CONTESTS[row], options), options.molecules or CONTESTS[row].molecules
    store = open_pairs(options.pairs)
    size = PRETRAINED if PAIRS[row] == "3dmrl" else min(BATCH, len(store))
    return pair_step(PAIRS[row], store), f"{size} pairs of {options.pairs}", size


def contestant(checkout: Path, row: str, options: argparse.Namespace, place: Path) -> Contestant:
    """A checkout at work on a row, in a folder that holds its package and the benchmarks of this one."""
    command = [sys.executable, "-m", "benchmarks.turns", str(checkout), "--serve", "--rows", row]
    command += ["--threads", str(options.threads), "--pairs", options.pairs]
    command += ["--molecules", str(options.molecules)] if options.molecules else []
    for root, names in ((checkout, ("molbench", "datasets", "leaderboards")), (ROOT, ("benchmarks",))):
        for name in names:
            (place / name).symlink_to(root.resolve() / name)
    return Contestant(command, place, {"PYTHONPATH": str(place)})


def compare(row: str, options: argparse.Namespace) -> Measured:
    """One row of the table."""
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        contestant(options.before, row, options, Path(one)) as before,
        contestant(ROOT, row, options, Path(other)) as after,
    ):
        times = np.array([(before.run(), after.run()) for _ in range(options.repeats + 1)])[1:]
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
        take_steps(partial(made, options))
        return
    rows = []
    for row in [*CONTESTS, *PAIRS]:
        if any(part in row for part in options.rows):
            rows.append(compare(row, options))
            print(rows[-1], flush=True)
    report(options, rows)


if __name__ == "__main__":
    main()
