"""Time of the commands a user types most, as whole processes: medians after a warm-up, and of the processor.

    python -m benchmarks.startup --repeats 7

The last two take one training step and end: how long a user waits for the first one, and a little more.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import Measured, Spread, options_of, report

CLI = ("-m", "molbench.cli")
ENCODER = (
    "--set",
    "backbone.width=16",
    "--set",
    "training.batch_size=16",
    "--set",
    "training.warmup_steps=0",
)
PRETRAIN = (*CLI, "pretrain", "coord", "--backbone", "painn", "--data", "xtb-molecules", *ENCODER)
FINETUNE = (
    *CLI,
    "evaluate",
    "m.pt",
    "-t",
    "xtb-molecules/gap",
    "--protocol",
    "finetune-lite",
    "--no-scratch",
)


@dataclass(frozen=True)
class Start:
    """What is started.

    Attributes:
        name: For the table.
        words: Behind the interpreter.
        aim: Seconds.
        code: Exit code that it ends with.
    """

    name: str
    words: tuple[str, ...]
    aim: float
    code: int = 0


STARTS = (
    Start("python -c 'import molbench'", ("-c", "import molbench"), 0.1),
    Start("molbench --help", (*CLI, "--help"), 0.3),
    Start("molbench list tasks", (*CLI, "list", "tasks"), 0.3),
    Start("molbench list datasets", (*CLI, "list", "datasets"), 0.3),
    Start("molbench evaluate nofile.pt", (*CLI, "evaluate", "nofile.pt"), 0.6, 2),
    Start("molbench evaluate m.pt --suite wrong", (*CLI, "evaluate", "m.pt", "--suite", "wrong"), 0.6, 2),
    Start(
        "molbench evaluate m.pt --protocol wrong", (*CLI, "evaluate", "m.pt", "--protocol", "wrong"), 0.6, 2
    ),
    Start("molbench pretrain, one step", (*PRETRAIN, "--steps", "1", "-o", "new.pt"), 2.5),
    Start("molbench evaluate, one step", (*FINETUNE, "--seeds", "1", "--set", "steps=1"), 2.5),
)


def environment(folder: Path) -> dict[str, str]:
    """Modules are compiled once, as for a user, whatever this machine forbids."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def seconds(start: Start, folder: Path) -> tuple[float, float]:
    """Wall and processor time of one run."""
    for path in folder.glob("new.*"):
        path.unlink()
    words = start.words
    if "evaluate" in words:
        words = (*words, "-o", tempfile.mkdtemp(dir=folder))
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != start.code:
        raise RuntimeError(f"{start.name}: ended with {done.returncode}: {done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Time each, in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", nargs="+", default=[""], help="Rows whose name contains one of these.")
    options = options_of(parser, toy={"repeats": 1, "only": ["--help", "nofile"]})
    starts = [start for start in STARTS if any(part in start.name for part in options.only)]
    times: dict[str, list[tuple[float, float]]] = {start.name: [] for start in starts}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = [sys.executable, *PRETRAIN, "--steps", "1", "-o", "m.pt"]
        if any("m.pt" in start.words for start in starts):
            subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=300)
        for repeat in range(options.repeats + 1):
            for start in starts:
                taken = seconds(start, folder)
                if repeat:  # the first one reads files that the others find in memory
                    times[start.name].append(taken)
    rows = []
    for start in starts:
        wall, processor = zip(*times[start.name], strict=True)
        cells = {"s": Spread.of(wall), "s of processors": Spread.of(processor), "aim, s": start.aim}
        rows.append(Measured(f"`{start.name}`", cells))
    report(options, rows)


if __name__ == "__main__":
    main()
