"""How often intervals cover and equal models are told apart, by simulation.

``python benchmarks/coverage.py``: scores are drawn whose truth is known (:mod:`molbench.testing.coverage`),
and the half-widths, p-values and ranks that every table shows are computed from them. It prints a line a
setting, then a table of what stands in docs/benchmarks.md, and writes all as JSON where ``--output`` says so.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from molbench.testing.coverage import (
    CLUSTERINGS,
    DISTRIBUTIONS,
    Coverage,
    Design,
    boards,
    folds,
    seeds,
    tables,
)

RECORDS, SEEDS, SPREADS = (50, 212, 2000), (3, 5, 10), (0, 1, 2, 4, 5)
HEADER = (
    "design       distribution clusters records seeds spread effective  score  "
    "diff. type I verdicts  few unpaired"
)
FORMAT = (
    "{design:12} {distribution:12} {clustering:8} {records:7} {seeds:5} {spread:6} {clusters:9} {score:6.3f} "
    "{difference:6.3f} {type_1:6.3f} {verdicts:8.3f} {few:4.2f} {unpaired:8.2f}"
)


TABLE = """
| differences | clusters | records | effective | coverage, seeds | coverage, folds | type I | verdicts | few |
|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Simulate everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--draws", type=int, default=2000, help="draws a setting; half as many of 2,000 records"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    rng, started, lines = np.random.default_rng(options.seed), time.perf_counter(), []
    print(HEADER)
    for simulate in (seeds, folds):
        for distribution in DISTRIBUTIONS:
            for clustering in CLUSTERINGS:
                for records in RECORDS:
                    draws = options.draws // (2 if records == max(RECORDS) else 1)
                    given = (Design.of(clustering, records, rng), distribution)
                    counts = (SEEDS,) if simulate is seeds else ()
                    for line in simulate(*given, *counts, SPREADS, draws=draws, rng=rng):
                        lines.append(line)
                        print(FORMAT.format(**asdict(line)), flush=True)
    print(TABLE)
    for row in table(lines):
        print("| " + " | ".join(row) + " |")
    grid = [(count, spread) for count in SEEDS for spread in (0, 2, 5)]
    ranked = [boards(10, *setting, options.draws // 4, rng) for setting in grid]
    compared = [tables(26, *setting, options.draws // 4, rng) for setting in grid]
    for title, coverages in (
        ("ten equal models", ranked),
        ("26 equal models against one baseline", compared),
    ):
        print(f"\n{title}")
        for entry in coverages:
            print("  " + ", ".join(f"{key} {value:.3g}" for key, value in entry.items()))
    print(f"\n{time.perf_counter() - started:.0f} s")
    if options.output:
        result = {"lines": [asdict(one) for one in lines], "boards": ranked, "tables": compared}
        options.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def table(lines: Sequence[Coverage]) -> Iterator[list[str]]:
    """A row for each kind of records: coverage from the least to the most, and the most errors."""
    groups: dict[tuple[str, str, int], list[Coverage]] = {}
    for line in lines:
        groups.setdefault((line.distribution, line.clustering, line.records), []).append(line)
    for (distribution, clustering, records), own in groups.items():
        row = [distribution, clustering, f"{records:,}", f"{own[0].clusters:,.0f}"]
        for design in ("seeds", "3 x 5 folds"):
            covered = [share for x in own if x.design == design for share in (x.score, x.difference)]
            row.append(f"{min(covered):.3f} … {max(covered):.3f}")
        row += [f"{max(x.type_1 for x in own):.3f}", f"{max(x.verdicts for x in own):.3f}"]
        few = [x.few for x in own]
        yield [*row, f"{100 * min(few):.0f} … {100 * max(few):.0f} %"]


if __name__ == "__main__":
    main()
