"""Throughput and peak memory of a build, one process and two.

``python benchmarks/build.py qm9 --raw DIR`` builds from raw files on disk into a folder that is thrown away.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

# Run in a fresh process: the peak of a child is the build's own, without this script's imports.
CHILD = """
import json, resource, sys
from pathlib import Path
from molbench.data.build.builder import build
from molbench.data.folder.manifest import Manifest
from molbench.spec.catalogue import Catalogue
name, raw, output, processes = sys.argv[1:]
folder = build(Catalogue.load().dataset(name), output=Path(output), raw=Path(raw), offline=True,
               allow_partial=True, num_proc=int(processes))
peak = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"records": Manifest.read(folder).records, "peak": peak}))
"""


def measure(name: str, raw: Path, processes: int) -> dict[str, float]:
    """Build once; wall time includes starting Python."""
    with TemporaryDirectory() as folder:
        environment = os.environ | {"MOLBENCH_HOME": folder, "HF_HOME": folder}
        arguments = [name, str(raw), f"{folder}/built", str(processes)]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - start
    measured = json.loads(done.stdout.splitlines()[-1])
    return {
        "processes": processes,
        "records": measured["records"],
        "seconds": round(seconds, 1),
        "records per second": round(measured["records"] / seconds),
        "peak MB, main process": round(measured["peak"][0] / 1024),
        "peak MB, largest worker": round(measured["peak"][1] / 1024),
    }


def main() -> None:
    """Print one row for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    rows = [measure(arguments.dataset, arguments.raw, count) for count in arguments.processes]
    print(json.dumps({"machine": platform.machine(), "cores": os.cpu_count(), "builds": rows}, indent=2))


if __name__ == "__main__":
    main()
