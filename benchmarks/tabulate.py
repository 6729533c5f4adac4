"""How long stored results take to become a table: read, compared with the labels, scored again, summarised.

    python -m benchmarks.tabulate --repeats 5

Tiny encoders of six backbones are scored on the embedded suite with seven seeds, 1,008 results, unless
``--results`` names a folder. Each repeat is a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.child import add_repeats, in_turns
from benchmarks.fanout import environment, line, write_checkpoints
from benchmarks.record import options_of, report

#: Seconds of the processor to import what it takes, to read, and to summarise.
CODE = """
import json, os, sys, time
folder, os.environ["MOLBENCH_HOME"] = sys.argv[1:]
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.summary import summarise
marks = [time.process_time()]
results = ResultsFolder.read(folder).results
marks.append(time.process_time())
summarise(results)
marks.append(time.process_time())
names = ("imports", "reading", "summarising")
spent = {name: end - start for name, start, end in zip(names, [0.0, *marks], marks)}
print(json.dumps({**spent, "reading and summarising": marks[2] - marks[0], "results": len(results)}))
"""


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_repeats(parser, 5)
    parser.add_argument("--results", type=Path, help="A folder that `molbench evaluate` wrote.")
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--tasks", default="", help="Globs over task ids; the embedded suite by default.")
    few = {"repeats": 1, "seeds": 1, "tasks": "xtb-molecules/homo,xtb-molecules/lumo"}
    options = options_of(parser, toy=few)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        results = (options.results or made(folder, options.seeds, options.tasks)).absolute()
        home = folder / "home-results"
        report(options, in_turns("s of processors", CODE, (results, home), options))


def made(folder: Path, seeds: int, tasks: str) -> Path:
    """Results of six encoders."""
    words = [*write_checkpoints(folder, 6), "--no-scratch", "--seeds", str(seeds), "--set", "frames=4"]
    words += ["--tasks", tasks] if tasks else ["--suite", "embedded"]
    subprocess.run(
        line([*words, "-o", "results"]),
        cwd=folder,
        env=environment(folder, "results"),
        stdout=sys.stderr,
        timeout=7200,
        check=True,
    )
    return folder / "results"


if __name__ == "__main__":
    main()
