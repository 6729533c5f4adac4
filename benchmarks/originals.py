"""Training steps beside those of the originals' own code, in turns.

    python -m benchmarks.originals [--originals FOLDER] [--rows PART ...] [--threads N] [--repeats N]

FOLDER holds checkouts of the originals' repositories, see ``original_code.py``; without it only this
project's steps are timed. Both sides see the same molecules or pairs, at the originals' configurations and
batch sizes, each in a process of its own, and take turns step by step, so that a busy machine slows both
alike. The allocator is tuned for both. A step is forward, backward and Adam. Pairs are those that ``--pairs
DATASET/SUBSET`` names in MOLBENCH_HOME; our step reads them, the original's has them at hand.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.child import ROOT, Contestant, ContestantError, take_steps
from benchmarks.methods import step_of
from benchmarks.record import Cell, Measured, Record, Spread, options_of, report
from benchmarks.turns import BATCH, CONTESTS, PAIRS, PRETRAINED, open_pairs, pair_step
from molbench.data.read.store import Store
from molbench.training.allocator import tune_allocator

PUBLISHED = {
    "GeoSSL": "chao1224/GeoSSL",
    "3D-EMGP": "jiaor17/3D-EMGP",
    "MolSpectra": "AzureLeon1/MolSpectra",
    "3DMRL": "Namkyeong/3DMRL",
}
#: What the originals' pages aim at, ours as a multiple.
AIMS = {"GeoSSL-DDM, SchNet": 4.0, "Pairs, gin-cigin": 5.0, "Pairs, pretraining by 3dmrl": 12.0}
ROWS = [*CONTESTS, *(row for row in PAIRS if row in AIMS)]
#: What :func:`molbench.training.allocator.tune_allocator` does, for a process that does not know it.
TUNED = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**36),
    "MALLOC_TOP_PAD_": str(2**28),
}


def drawn(row: str, store: Store) -> np.ndarray:
    """The pairs of a row, those of a kind that both sides can use."""
    rows = np.arange(len(store))
    return np.random.default_rng(0).choice(rows, PRETRAINED if "3dmrl" in row else BATCH, replace=False)


def made(options: argparse.Namespace) -> tuple[Callable[[], None], str, int]:
    """The step of one side, its work and its size."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    (row,) = options.rows
    store = open_pairs(options.pairs) if row in PAIRS else None
    rows = drawn(row, store) if store else np.arange(0)
    size = len(rows) if store else options.molecules or CONTESTS[row].molecules
    if options.serve == "original":
        from benchmarks.original_code import original_step

        return *original_step(row, options.originals, size, store, rows), size
    tune_allocator()
    if store:
        return pair_step(PAIRS[row], store, lambda _: rows), f"{size} pairs of {options.pairs}", size
    return *step_of(CONTESTS[row], options), size


def contestant(side: str, row: str, options: argparse.Namespace) -> Contestant:
    """One side at work on a row."""
    command = [sys.executable, "-m", "benchmarks.originals", "--serve", side, "--rows", row]
    command += ["--threads", str(options.threads), "--pairs", options.pairs]
    command += ["--molecules", str(options.molecules)] if options.molecules else []
    command += ["--originals", str(options.originals)] if options.originals else []
    return Contestant(command, ROOT, {"PYTHONPATH": str(ROOT)} | (TUNED if side == "original" else {}))


def compare(row: str, options: argparse.Namespace) -> Measured:
    """One row of the table.

    Raises:
        ContestantError: If a side cannot take its step.
    """
    with ExitStack() as running:
        sides = [
            running.enter_context(contestant(side, row, options))
            for side in (["original"] if options.originals else []) + ["ours"]
        ]
        times = np.array([[side.run() for side in sides] for _ in range(options.repeats + 1)])[1:]
    wall, busy = times[..., 0].T.tolist(), times[..., 1].T.tolist()
    size = sides[-1].size
    cells: dict[str, Cell] = {"ours, a second": Spread.of([size / taken for taken in wall[-1]])}
    if options.originals:
        cells = {
            "original, a second": Spread.of([size / taken for taken in wall[0]]),
            **cells,
            "×": Spread.ratio(wall[0], wall[1]),
            "×, processor time": Spread.ratio(busy[0], busy[1]),
            "aim": AIMS.get(row, 3.0),
            "work of the original": sides[0].work,
        }
    cells["batch"] = size
    return Measured(
        row, {**cells, "work": sides[-1].work}, "the original's code" if options.originals else None
    )


def commits(folder: Path | None) -> Mapping[str, Cell]:
    """Which state of each original there is."""
    if folder is None:
        return {}
    found = {}
    for name, published in PUBLISHED.items():
        asked = ["git", "-C", str(folder / name), "rev-parse", "--short=12", "HEAD"]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        found[published] = done.stdout.strip()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--originals", type=Path, metavar="FOLDER")
    parser.add_argument("--rows", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--molecules", type=int, help="In place of each row's batch size.")
    parser.add_argument("--pairs", default="ddi/zhang", metavar="DATASET/SUBSET")
    parser.add_argument(
        "--go-on", action="store_true", help="keep the rows that the file of --json has, if any"
    )
    parser.add_argument("--serve", choices=("original", "ours"), help=argparse.SUPPRESS)
    parser.set_defaults(compile=False, precision="32")
    options = options_of(parser, toy={"rows": ["DDM, PaiNN"], "repeats": 1, "molecules": 2})
    if options.serve:
        take_steps(partial(made, options))
        return
    rows = (
        list(Record.read(options.json).rows)
        if options.go_on and options.json and options.json.exists()
        else []
    )
    there, failed = {row.name for row in rows}, []
    for row in ROWS:
        if row not in there and any(part in row for part in options.rows):
            try:
                rows.append(compare(row, options))
            except ContestantError:
                failed.append(row)  # the others are measured all the same
                continue
            rows.sort(key=lambda measured: ROWS.index(measured.name))
            report(options, rows, **commits(options.originals))  # what is cut off keeps the rows that it has
    if failed:
        raise SystemExit(f"not measured, see above: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
