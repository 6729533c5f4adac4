"""How often intervals cover and equal models are told apart, by simulation.

``python -m benchmarks.coverage``: scores are drawn whose truth is known (:mod:`molbench.testing.coverage`),
and the half-widths, p-values and ranks that every table shows are computed from them. It prints a line a
setting, then a row for each kind of records.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from benchmarks.record import Cell, Measured, options_of, report
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


def main() -> None:
    """Simulate everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--draws", type=int, default=2000, help="draws a setting; half as many of 2,000 records"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--records", type=int, nargs="+", default=RECORDS)
    options = options_of(parser, toy={"draws": 4, "records": [20]})
    rng, started, lines = np.random.default_rng(options.seed), time.perf_counter(), []
    print(HEADER)
    for simulate in (seeds, folds):
        for distribution in DISTRIBUTIONS:
            for clustering in CLUSTERINGS:
                for records in options.records:
                    draws = options.draws // (2 if records == max(RECORDS) else 1)
                    given = (Design.of(clustering, records, rng), distribution)
                    counts = (SEEDS,) if simulate is seeds else ()
                    for line in simulate(*given, *counts, SPREADS, draws=draws, rng=rng):
                        lines.append(line)
                        print(FORMAT.format(**asdict(line)), flush=True)
    rows = list(table(lines))
    grid = [(count, spread) for count in SEEDS for spread in (0, 2, 5)]
    for title, simulate_many, models in (
        ("ten equal models, boards that separate them", boards, 10),
        ("26 equal models against one baseline", tables, 26),
    ):
        entries = [simulate_many(models, *setting, max(1, options.draws // 4), rng) for setting in grid]
        measured = [name for name in entries[0] if name not in {"models", "seeds", "spread"}]
        rows.append(Measured(title, {name: _range([one[name] for one in entries]) for name in measured}))
    report(options, rows, draws=options.draws, seconds=time.perf_counter() - started)


def table(lines: Sequence[Coverage]) -> Iterator[Measured]:
    """A row for each kind of records: coverage from the least to the most, and the most errors."""
    groups: dict[tuple[str, str, int], list[Coverage]] = {}
    for line in lines:
        groups.setdefault((line.distribution, line.clustering, line.records), []).append(line)
    for (distribution, clustering, records), own in groups.items():
        cells: dict[str, Cell] = {"effective": own[0].clusters}
        for design in ("seeds", "3 x 5 folds"):
            covered = [share for x in own if x.design == design for share in (x.score, x.difference)]
            cells[f"coverage, {design}"] = _range(covered)
        cells |= {"type I": max(x.type_1 for x in own), "verdicts": max(x.verdicts for x in own)}
        cells["few"] = _range([x.few for x in own])
        yield Measured(f"{distribution}, clusters {clustering}, {records:,} records", cells)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3f} … {max(values):.3f}"


if __name__ == "__main__":
    main()
