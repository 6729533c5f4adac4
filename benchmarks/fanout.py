"""Scores several checkpoints by every way of spreading runs, and compares the numbers.

    python -m benchmarks.fanout --checkpoints 6 --seeds 5 --kills 20

Tiny encoders of six backbones are scored on the embedded suite in one process, in two, with Ray, with a
Slurm of this machine (twice: the second time no job may be submitted), in eight shards that are joined, and
in two processes whose evaluation is killed again and again. Results must be the same to the last digit, but
for times and machine. It also tells which share of the time passes inside of runs, and how long stored
results take to be tabulated.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from benchmarks.record import Cell, Measured, options_of, report
from tests.executors.fake_slurm import install

ROOT = Path(__file__).parent.parent
#: What of a result is of the one run and its machine.
OWN = {"seconds", "throughput", "cost", "environment", "date"}
#: Backbone to settings that make it tiny.
ENCODERS = {
    "schnet": {"width": 8, "filters": 8, "interactions": 1, "gaussians": 6},
    "painn": {"width": 8, "interactions": 1, "radial": 6},
    "egnn": {"width": 8, "layers": 1},
    "torchmd-et": {"width": 8, "layers": 1, "heads": 2, "radial": 6},
    "visnet": {"width": 8, "layers": 1, "heads": 2, "radial": 6},
    "dimenet++": {"width": 8, "hidden": 8, "blocks": 1, "triplet_features": 8, "output_features": 8},
}


def main() -> None:
    """Print a line a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=8, help="Of Slurm.")
    parser.add_argument("--tasks", help="Globs over task ids; the embedded suite by default.")
    parser.add_argument("--ways", default="inline,local,ray,slurm,shards,killed")
    few = {"checkpoints": 1, "seeds": 1, "kills": 0, "tasks": "xtb-molecules/homo", "ways": "inline"}
    options = options_of(parser, toy=few)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        models = write_checkpoints(folder, options.checkpoints)
        asked = [*models, "--no-scratch", "--seeds", str(options.seeds), "--set", "frames=4"]
        asked += ["--tasks", options.tasks] if options.tasks else ["--suite", "embedded"]
        amounts = {"kills": options.kills, "shards": options.shards, "jobs": options.jobs}
        ways, tabulated = compared(folder, asked, options.ways.split(","), **amounts)
    report(options, [Measured(way, cells) for way, cells in ways.items()], **tabulated)


def write_checkpoints(folder: Path, count: int) -> list[str]:
    """So many checkpoints with random weights; backbones take turns."""
    import torch

    from molbench.backbones import build_backbone
    from molbench.training.checkpoint import Checkpoint

    names = []
    for number in range(count):
        backbone = list(ENCODERS)[number % len(ENCODERS)]
        torch.manual_seed(number)
        name = f"{backbone.replace('+', '')}-{number}.pt"
        Checkpoint.of(build_backbone(backbone, ENCODERS[backbone]), method="random").save(folder / name)
        names.append(name)
    return names


def compared(
    folder: Path, asked: list[str], ways: list[str], *, kills: int, shards: int, jobs: int
) -> tuple[dict[str, dict[str, Cell]], dict[str, Cell]]:
    """Every way in a folder of results of its own, compared with the first; and what tabulating takes."""
    install(folder / "slurm")
    measured: dict[str, dict[str, Cell]] = {}
    first: dict[str, object] | None = None
    for way in ways:
        started = time.perf_counter()
        whole = float(measured["local"]["s"] or 0) if "local" in measured else 5.0
        tries = perform(folder, way, asked, kills=kills, whole=whole, shards=shards, jobs=jobs)
        seconds = time.perf_counter() - started
        results = read_results(folder / way)
        first = first or results
        measured[way] = {
            "runs": len(results),
            "same results": results == first,
            "killed": tries,
            "s": seconds,
            **spent(folder / way, seconds),
        }
        print(way, measured[way], flush=True)
    return measured, tabulated(folder / ways[0])


def perform(
    folder: Path, way: str, asked: list[str], *, kills: int, whole: float, shards: int, jobs: int
) -> int:
    """Evaluate in one way; how often it was killed."""
    words = [*asked, "-o", way]
    match way:
        case "shards":
            names = [f"shard-{number}" for number in range(1, shards + 1)]
            for number, name in enumerate(names, 1):
                part = ["--executor", "inline", "--shard", f"{number}/{shards}"]
                run(folder, way, [*asked, "-o", name, *part])
            run(folder, way, [*names, "-o", way], verb="join")
            return 0
        case "killed":
            return killed(folder, way, [*words, "--executor", "local", "-j", "2"], kills, whole)
        case "slurm":
            for _ in range(2):
                run(folder, way, [*words, "--executor", way, "-j", "2", "--executor-set", f"jobs={jobs}"])
            if (submitted := len(list((folder / "slurm" / "state").glob("submitted-*")))) != 1:
                raise RuntimeError(f"{submitted} arrays were submitted for one evaluation")
            return 0
        case "ray":
            with suppress(
                RuntimeError
            ):  # on a busy machine Ray may not start in time; the rest is done below
                run(folder, way, [*words, "--executor", way, "-j", "2"])
            run(folder, way, [*words, "--executor", way, "-j", "2"])
            return 0
        case "local":
            run(folder, way, [*words, "--executor", way, "-j", "2"])
            return 0
    run(folder, way, [*words, "--executor", way])
    return 0


def killed(folder: Path, way: str, words: list[str], kills: int, whole: float) -> int:
    """Kill an evaluation of `whole` seconds at random moments, continuing it each time, then let it end."""
    rng, done = random.Random(0), 0  # noqa: S311 - no secret
    while done < kills:
        process = subprocess.Popen(
            line(words),
            cwd=folder,
            env=environment(folder, way),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(rng.uniform(0.2 * whole, 0.7 * whole))
            return done  # it was faster than its killer
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
            done += 1
            whole = min(40.0, whole * 1.2)
    run(folder, way, words)
    return done


def run(folder: Path, way: str, words: list[str], verb: str = "evaluate") -> None:
    """A command to its end."""
    done = subprocess.run(
        line(words, verb),
        cwd=folder,
        env=environment(folder, way),
        capture_output=True,
        text=True,
        timeout=7200,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)


def line(words: list[str], verb: str = "evaluate") -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "molbench.cli", verb, *words]


def environment(folder: Path, way: str) -> dict[str, str]:
    """One thread a worker, the Slurm of this machine, and no vectors of another way."""
    path = f"{folder / 'slurm' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "FAKE_SLURM": str(folder / "slurm" / "state"), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **own, "OMP_NUM_THREADS": "1", "MOLBENCH_HOME": str(folder / f"home-{way}")}


def read_results(results: Path) -> dict[str, object]:
    """Every result but for times and machine, and the digest of the predictions behind it."""
    read: dict[str, object] = {}
    for path in sorted(results.rglob("result.json")):
        stored = {name: value for name, value in json.loads(path.read_text()).items() if name not in OWN}
        digest = sha256((path.parent / "predictions.parquet").read_bytes()).hexdigest()
        read[str(path.parent.relative_to(results))] = [stored, digest]
    return read


def spent(results: Path, seconds: float) -> dict[str, Cell]:
    """Time inside of the runs that are stored, of that in all, and the processor's."""
    costs = [json.loads(path.read_text())["cost"] for path in results.rglob("result.json")]
    inside = sum(cost["seconds"] for cost in costs)
    return {
        "s inside of runs": inside,
        "share": inside / seconds,
        "s of processors": sum(cost["processor_seconds"] for cost in costs),
    }


def tabulated(results: Path, count: int = 1000) -> dict[str, Cell]:
    """How long so many stored results take to be read and summarised."""
    from molbench.evaluation.results_folder import ResultsFolder
    from molbench.evaluation.summary import summarise

    started = time.perf_counter()
    stored = ResultsFolder.read(results).results
    read = time.perf_counter() - started
    rows = summarise(stored[:count])
    seconds = time.perf_counter() - started
    return {
        "stored_results": len(stored[:count]),
        "seconds_to_read_all": read,
        "seconds_to_read_and_summarise_them": seconds,
        "rows_of_the_summary": len(rows),
    }


if __name__ == "__main__":
    main()
