"""Runs the command line in bounded time and memory, and writes what it took.

    python limited.py REPORT SECONDS MEGABYTES [arguments of molbench]

What the libraries take to load is not counted: they are loaded before.
"""

import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

MODULES = [
    "molbench.cli.main",
    "molbench.evaluation.harness",
    "molbench.releases.convert",
    "molbench.studies",
    "molbench.training.pretrain",
    "safetensors.torch",
    *("sklearn.linear_model", "scipy.stats", "torch_geometric.nn"),
]


def main() -> None:
    report, (seconds, megabytes), arguments = Path(sys.argv[1]), map(float, sys.argv[2:4]), sys.argv[4:]
    for name in MODULES:
        import_module(name)
    start, resident = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unlimited = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(start + 2 * seconds) + 1, unlimited[1]))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = size + int(2 * megabytes) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.argv = ["molbench", *arguments]
    try:
        import_module("molbench.cli.main").main()
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, unlimited)  # unloading is not counted either
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) / 1024
        report.write_text(json.dumps({"seconds": time.process_time() - start, "megabytes": grown}))


if __name__ == "__main__":
    main()
