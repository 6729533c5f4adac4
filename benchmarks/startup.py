"""Wall time of the commands a user types most, as whole processes: median of runs after a warm-up."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

COMMANDS = [["--help"], ["list", "datasets"], ["list", "tasks"], ["list", "tasks", "--json"]]


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "molbench.cli", *command], capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Time each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    report = {}
    for command in COMMANDS:
        seconds(command)
        times = [seconds(command) for _ in range(repeats)]
        report["molbench " + " ".join(command)] = {
            "median s": round(statistics.median(times), 3),
            "min s": round(min(times), 3),
            "max s": round(max(times), 3),
        }
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "repeats": repeats}
    print(json.dumps(machine | report, indent=2))


if __name__ == "__main__":
    main()
