"""Where the time of a training step goes: shares of its kinds of operations, by PyTorch's profiler.

    python -m benchmarks.shares [--rows PART ...] [--threads N] [--repeats N]

The rows are those of ``methods.py``. An operation counts for what it does itself, not for what it calls.
What no operation accounts for is Python and the engine of the gradients, and grows with their number.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable

import torch

from benchmarks.methods import FAMILIES, FINETUNING, step_of
from benchmarks.record import Cell, Measured, Spread, options_of, report
from molbench.training.allocator import tune_allocator

#: Kind to the names of its operations, the first that fits.
KINDS = {
    "products of matrices": r"aten::(addmm|mm|bmm|baddbmm|matmul|linear|dot|mv)$|^_Linear",
    "loops in C": r"^_[A-Z]",
    "gather, scatter, copies": r"aten::(index|gather|scatter|cat|copy|fill|zero|clone|contiguous|empty|new_)",
    "sums and norms": r"aten::(sum|mean|native_layer_norm|native_batch_norm|linalg|norm|_softmax|cumsum)",
    "engine of the gradients": r"autograd::",
    "element by element": r"aten::",
}
REST = "Python and the rest"


def kind_of(name: str) -> str:
    """Which kind an operation is of."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, name)), REST)


def shares(run: Callable[[], None]) -> tuple[float, Counter[str], Counter[str]]:
    """Seconds of a step, those of each kind, and calls of each kind."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        start = time.perf_counter()
        run()
        taken = time.perf_counter() - start
    seconds: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in profiler.key_averages():
        kind = kind_of(event.key)
        seconds[kind] += event.self_cpu_time_total / 1e6
        calls[kind] += event.count
    seconds[REST] += max(taken - sum(seconds.values()), 0.0)
    return taken, seconds, calls


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", default=[""], help="Rows whose name contains one of these.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--molecules", type=int, help="In place of each row's batch size.")
    parser.set_defaults(compile=False, precision="32")
    options = options_of(parser, toy={"rows": ["DDM, PaiNN"], "repeats": 1, "molecules": 2})
    tune_allocator()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = []
    for contest in FAMILIES + FINETUNING:
        if not any(part in contest.name for part in options.rows):
            continue
        run, work = step_of(contest, options)
        run()
        taken = [shares(run) for _ in range(options.repeats)]
        cells: dict[str, Cell] = {
            f"{kind}, %": Spread.of([100 * one[1][kind] / one[0] for one in taken]) for kind in [*KINDS, REST]
        }
        cells["operations"] = sum(taken[0][2].values())
        cells["work"] = work
        rows.append(Measured(contest.name, cells))
    report(options, rows)


if __name__ == "__main__":
    main()
