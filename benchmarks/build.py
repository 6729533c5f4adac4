"""Throughput and peak memory of builds, by number of processes and by executor.

``python -m benchmarks.build qm9 --raw DIR`` builds from raw files on disk into a folder that is thrown away;
without them, from files of QM9's layout with made-up molecules.
"""

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.child import add_repeats, in_turns
from benchmarks.made_up import write_qm9
from benchmarks.record import Measured, options_of, report

BUILD = """
import json, sys
from pathlib import Path
from molbench.data.build.builder import build
from molbench.data.folder.manifest import Manifest
from molbench.spec.catalogue import Catalogue, DatasetEntry
name, declared, raw, processes, executor = sys.argv[1:]
where = {} if executor == "local" else {"executor": executor}
entry = DatasetEntry(name, Path(declared)) if declared else Catalogue.load().dataset(name)
folder = build(entry, output=Path("built"), raw=Path(raw), offline=True, allow_partial=True,
               num_proc=int(processes), **where)
print(json.dumps({"records": Manifest.read(folder).records}))
"""


def without_processors(row: Measured) -> Measured:
    """A row whose work was done by processes of somebody else's, whose time and memory cannot be told."""
    cells = {key: value for key, value in row.cells.items() if "processor" not in key and key != "peak MB"}
    return replace(row, cells=cells)


def main() -> None:
    """Print one row for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?", default="qm9")
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--molecules", type=int, default=10_000, help="made up, without --raw")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--executors", nargs="+", default=["local"])
    add_repeats(parser)
    options = options_of(parser, toy={"molecules": 60, "processes": [1], "repeats": 1})
    rows = []
    with TemporaryDirectory() as folder:
        if options.raw:
            source: tuple[object, ...] = (options.dataset, "", options.raw.resolve())
        else:
            source = ("made-up", Path(folder) / "declared", write_qm9(Path(folder), options.molecules))
        for executor, count in product(options.executors, options.processes):
            name = f"{count} process{'es' * (count > 1)}, {executor}"
            made = in_turns(name, BUILD, [*source, count, executor], options, per="records")
            rows += made if executor == "local" else [without_processors(row) for row in made]
    report(options, rows, dataset=str(source[0]))


if __name__ == "__main__":
    main()
