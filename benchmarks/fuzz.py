"""Mutates the input of every parser: nothing but records, counted failures and UserErrors may come out.

Run ``python -m benchmarks.fuzz --rounds 10000``; the same seed gives the same mutations.
The tests run a few rounds of them.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa

from benchmarks.record import Measured, options_of, report
from molbench.data.build.parsers import geom_rdkit
from tests.fuzz import FAMILIES, family
from tests.fuzz.corpora import SharedProcess
from tests.fuzz.mutation import Sample, mutated, run


def outcomes(sample: Sample, rng: random.Random, rounds: int) -> Counter[str]:
    """How many mutations were refused, read cleanly, read with failures, or escaped; escapes are printed."""
    counts = Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        for _ in range(rounds):
            outcome = run(sample, mutated(sample, rng), Path(name))
            if outcome.error:
                last = outcome.error.strip().splitlines()[-1]
                if counts[last] == 0:
                    print(outcome.error)
                counts.update(["ESCAPED", last])
            elif outcome.refused:
                counts["refused"] += 1
            else:
                counts["with failures" if outcome.failures else "clean"] += 1
    return counts


def main() -> None:
    """Fuzz the families and parsers that the command line names."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=10_000, help="mutations of each sample")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--family", choices=FAMILIES, help="only this one")
    arguments.add_argument("--parser", help="only this one")
    options = options_of(arguments, toy={"rounds": 2, "parser": "xyz"})
    rows = []
    pa.set_cpu_count(1)
    geom_rdkit.MolProcess = SharedProcess  # type: ignore[assignment,misc]
    for name in [options.family] if options.family else FAMILIES:
        for number, sample in enumerate(family(name)):
            if options.parser not in {None, sample.parser}:
                continue
            rng = random.Random(f"{options.seed}-{number}")  # noqa: S311 - repeatable, not secret
            started = time.perf_counter()
            counts = outcomes(sample, rng, options.rounds)
            seconds = time.perf_counter() - started
            what = f"{sample.parser} {dict(sample.options)}"
            print(f"{what}: {options.rounds:,} mutations in {seconds:.0f} s: {dict(counts)}", flush=True)
            outcome = {name: counts[name] for name in ("refused", "clean", "with failures", "ESCAPED")}
            rows.append(Measured(what, {**outcome, "mutations/s": options.rounds / seconds}))
    SharedProcess.process.close()
    report(options, rows, rounds=options.rounds)


if __name__ == "__main__":
    main()
