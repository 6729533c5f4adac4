"""Training steps with glibc's default allocator, with ``tune_allocator`` and with the environment variables.

Processes with each setting take turns, so that a busy machine slows all of them alike. Build a dataset first,
then run ``python -m benchmarks.allocator "$MOLBENCH_HOME/datasets/qm9-partial"``.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.record import Measured, Spread, options_of, report
from molbench.paths import catalogue_root

#: What has the same effect, set before a process starts.
ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "68719476736",
    "MALLOC_TOP_PAD_": "268435456",
}
SETTINGS = ("default", "tuned", "environment")


def steps(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Wall time, processor time and page faults of each pretraining step in this process."""
    if arguments.setting == "tuned":
        from molbench.training.allocator import tune_allocator

        tune_allocator()
    import numpy as np
    import torch

    from molbench.backbones import build_backbone
    from molbench.data.read.loader import Loader
    from molbench.data.read.store import Store
    from molbench.methods import build_method

    torch.set_num_threads(arguments.threads)
    store = Store.open(arguments.folder)
    loader = Loader(store, np.arange(len(store)), arguments.batch_size)
    batches = loader.epoch(0)
    torch.manual_seed(0)
    method = build_method("geossl-ddm", build_backbone(arguments.backbone))
    optimizer = torch.optim.Adam(method.parameters(), lr=5e-4)
    samples: dict[str, list[float]] = {"seconds": [], "processor": [], "faults": []}
    for number in range(arguments.warm_up + arguments.steps):
        batch = next(batches)
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        loss, _ = method.loss(batch, torch.Generator().manual_seed(number))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        if number >= arguments.warm_up:
            samples["seconds"].append(wall)
            samples["processor"].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            samples["faults"].append(after.ru_minflt - before.ru_minflt)
    return samples


def child(setting: str, options: list[str]) -> dict[str, list[float]]:
    """The same in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    environment = clean | (ENVIRONMENT if setting == "environment" else {})
    command = [sys.executable, "-m", "benchmarks.allocator", *options, "--setting", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    samples: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return samples


def main() -> None:
    """Time each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=catalogue_root() / "datasets/xtb-molecules")
    parser.add_argument("--backbone", default="painn")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--setting", choices=SETTINGS, help="Only this one, in this process; print JSON.")
    arguments = options_of(parser, toy={"batch_size": 2, "steps": 1, "warm_up": 0, "rounds": 1})
    if arguments.setting:
        print(json.dumps(steps(arguments)))
        return
    all_samples: dict[str, dict[str, list[float]]] = {setting: {} for setting in SETTINGS}
    for _ in range(arguments.rounds):
        for setting in SETTINGS:
            for name, values in child(setting, sys.argv[1:]).items():
                all_samples[setting].setdefault(name, []).extend(values)
    rows = []
    for setting, samples in all_samples.items():
        cells = {
            "ms": Spread.of(samples["seconds"], 1e3),
            "ms of processors": Spread.of(samples["processor"], 1e3),
        }
        if setting != "default":
            default = all_samples["default"]
            cells["default takes ×"] = Spread.ratio(default["seconds"], samples["seconds"])
            cells["×, processor time"] = Spread.ratio(default["processor"], samples["processor"])
        rows.append(Measured(setting, cells | {"page faults": Spread.of(samples["faults"])}))
    report(arguments, rows, step=f"geossl-ddm {arguments.backbone}, batch {arguments.batch_size}")


if __name__ == "__main__":
    main()
