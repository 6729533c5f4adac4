"""Training steps with and without numbers below 1.2e-38, which some processors compute with slowly.

    python -m benchmarks.denormals [--threads N] [--json FILE]

Every family's steps in turns in one process: as they are, where SiLU and the bases of distances leave few of
them, and with ``torch.set_flush_denormal``, which leaves none.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.methods import FAMILIES, FINETUNING, seconds, step_of
from benchmarks.record import Measured, Spread, options_of, report
from molbench.training.allocator import tune_allocator


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--molecules", type=int, default=32, help="Molecules or frames of a step.")
    parser.set_defaults(compile=False, precision="32")
    options = options_of(parser, toy={"repeats": 1, "molecules": 2, "only": ["DDM, PaiNN"]})
    tune_allocator()
    torch.set_num_threads(options.threads)
    rows = []
    for contest in [*FAMILIES, *FINETUNING]:
        if not any(part in contest.name for part in options.only):
            continue
        torch.manual_seed(0)
        run, work = step_of(contest, options)
        run()
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(options.repeats):
            for flushed, samples in taken.items():
                torch.set_flush_denormal(flushed)
                samples.append(seconds(run)[1])
        torch.set_flush_denormal(False)
        cells = {
            "ms of processors with them": Spread.of(taken[False], 1e3),
            "without": Spread.of(taken[True], 1e3),
            "×": Spread.ratio(taken[False], taken[True]),
        }
        rows.append(Measured(contest.name, {**cells, "work": work}))
    report(options, rows)


if __name__ == "__main__":
    main()
