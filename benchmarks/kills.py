"""Kills builds, imports, pretraining, evaluations and boards at random moments, and counts what that costs.

    python -m benchmarks.kills --moments 20 --raw FOLDER

``FOLDER`` holds QM9 in its official layout, complete or a part; without it builds are not tried.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.record import Measured, Spread, options_of, report
from tests.kills import Command, Killed, Victim, files_digest, kill, manifest_digest, undisturbed

ROOT = Path(__file__).parent.parent
TASKS = ("xtb-molecules/homo", "xtb-molecules/mu")
SETTINGS = ("training.batch_size=16", "backbone.width=16", "training.warmup_steps=0")
PRETRAIN = (
    *("pretrain", "coord", "--backbone", "painn", "--data", "xtb-molecules", "--steps", "40"),
    *(word for setting in SETTINGS for word in ("--set", setting)),
)
PACK = ("--name", "Model", "--license", "CC-BY-4.0", "--author", "A. Author", "-o", "submissions")


def main() -> None:
    """Print a line a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--only", action="append")
    options = options_of(parser, toy={"moments": 1, "only": ["import"]})
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for command in commands(Path(place), options.raw):
            if options.only and command.name not in options.only:
                continue
            for killed in measure(command, Path(place), options.moments):
                rows.append(row_of(command.name, killed))
                print(rows[-1], *(item for item in killed if not item.clean), sep="\n    ", flush=True)
    report(options, rows)


def measure(command: Command, place: Path, moments: int) -> Iterator[list[Killed]]:
    """Kill a command at so many moments, each in a folder of its own; then its workers, where it has some."""
    folder = place / f"{command.name}-whole"
    folder.mkdir()
    whole = undisturbed(command, folder)
    victims: tuple[Victim, ...] = ("parent", "worker") if whole.workers else ("parent",)
    for victim in victims:
        killed = []
        for moment in range(moments):
            folder = place / f"{command.name}-{victim}-{moment}"
            folder.mkdir()
            killed.append(kill(command, folder, whole, moment, victim))
            shutil.rmtree(folder, ignore_errors=True)
        yield killed


def row_of(name: str, killed: list[Killed]) -> Measured:
    """What came of killing one."""
    cells = {
        "killed": "command" if killed[0].victim == "parent" else "a worker",
        "times": len(killed),
        "after s": Spread.of([item.after for item in killed]),
        "same outcome": sum(item.same for item in killed),
        "processes left": sum(item.survivors for item in killed),
        "files, semaphores left": sum(len(item.leftovers) for item in killed),
    }
    return Measured(name, cells)


def commands(place: Path, raw: Path | None) -> list[Command]:
    """All of them, smallest first; later ones use what an undisturbed earlier one made."""
    made = place / "made"
    made.mkdir()
    geometries = made / "mine.xyz"
    write_geometries(geometries)
    read = Command(
        "import",
        ("data", "import", str(geometries), "--name", "mine", "--num-proc", "2"),
        manifest_digest("home/datasets/mine/manifest.json"),
    )
    pretrain = Command("pretrain", (*PRETRAIN, "-o", "model.pt"), lambda folder: weights(folder, "model.pt"))
    sweep = Command(
        "pretrain two seeds",
        (*PRETRAIN, "--seed-list", "0,1", "-j", "2", "-o", "models"),
        lambda folder: weights(folder, "models/*.pt"),
    )
    everything = [read, pretrain, sweep, *commands_after(pretrain, made)]
    if raw is not None:
        words = ("data", "build", "qm9", "--raw", str(raw), "--offline", "--allow-partial", "--num-proc", "2")
        everything.append(Command("build", words, manifest_digest("home/datasets/qm9*/manifest.json")))
    everything.append(
        replace(pretrain, name="pretrain --devices 2", words=(*pretrain.words, "--devices", "2"))
    )
    return everything


def commands_after(pretrain: Command, made: Path) -> list[Command]:
    """What is done with a checkpoint: it is evaluated, ranked, and submitted."""

    def predictions(folder: Path) -> object:
        return files_digest(folder, "results/*/*/*/*/*/predictions.parquet")

    def checkpoint(folder: Path) -> None:
        _copy(made_by(pretrain, made / "model.pt"), folder / "model.pt")

    words = ("evaluate", "model.pt", "--seeds", "1", "-o", "results", "-t")
    evaluate = Command("evaluate", (*words, ",".join(TASKS), "-j", "2"), predictions, checkpoint)

    def results(folder: Path) -> None:
        _copy(made_by(evaluate, made / "results"), folder / "results")

    def submissions(folder: Path) -> object:
        return files_digest(folder, "submissions/**/*")

    board = Command(
        "board",
        ("board", "build", "molecules-probe", "-r", "results", "-o", "boards"),
        lambda folder: files_digest(folder, "boards/**/*"),
        results,
    )
    pack = Command("submit pack", ("submit", "pack", "results/model", *PACK), submissions, results)

    def submission(folder: Path) -> None:
        """Of one of the two tasks, beside the results of both."""
        results(folder)
        one = made / "one"
        if not one.exists():
            shutil.copytree(made / "results" / "model" / TASKS[0], one / "results" / "model" / TASKS[0])
            undisturbed(replace(pack, prepare=lambda _folder: None), one)
        _copy(one / "submissions", folder / "submissions")

    add = Command(
        "submit add", ("submit", "add", "results/model", "submissions/painn/model"), submissions, submission
    )
    return [evaluate, board, pack, add]


def made_by(command: Command, path: Path) -> Path:
    """What an undisturbed command makes, made when it is first asked for."""
    if not path.exists():
        undisturbed(command, path.parent)
    return path


def _copy(source: Path, target: Path) -> None:
    if source == target:
        return
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def write_geometries(path: Path, count: int = 4000) -> None:
    """Chains of carbon and oxygen, told apart by their lengths and bonds."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for number in range(count):
            size = int(rng.integers(3, 12))
            steps = rng.normal(size=(size, 3))
            positions = np.cumsum(1.4 * steps / np.linalg.norm(steps, axis=1)[:, None] + [1.8, 0, 0], axis=0)
            lines = [f"{'CO'[int(rng.integers(2))]} {x:.5f} {y:.5f} {z:.5f}" for x, y, z in positions]
            file.write("\n".join([str(size), f"chain-{number}", *lines]) + "\n")


def weights(folder: Path, pattern: str) -> dict[str, str]:
    """Digests of checkpoints' weights."""
    from molbench.training.checkpoint import Checkpoint

    return {path.name: Checkpoint.load(path).digest for path in folder.glob(pattern)}


if __name__ == "__main__":
    main()
