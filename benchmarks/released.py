"""Released 3D-EMGP encoders on real data: converted, then scored beside the same encoder from scratch.

    python -m benchmarks.released FOLDER -o OUT [--only PROTOCOL ...] [--dry-run]

FOLDER has the authors' files, `checkpoint-<name>` each; another one laid beside them is scored by the same
line. Needs `rmd17` (published split 1 is enough) and `qm9` (the listed 12,000 are enough) built in
MOLBENCH_HOME. What is finished in OUT is used again, so that the command can be stopped and repeated. Tasks
go one after the other, with all encoders each: an interrupted run leaves whole tables. `molbench compare`
reads OUT/results.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.record import Measured, options_of, report
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.summary import summarise
from tests.releases.emgp_weights import egnn

SEEDS = 3
FRAMES = ("ethanol", "malonaldehyde", "uracil", "benzene", "toluene", "aspirin")

#: What a released file was pretrained with, as its name tells.
METHODS = {
    "3dmgp": "emgp",
    "attrmask": "attr-mask",
    "edgepred": "edge-pred",
    "gpt": "gpt-gnn",
    "pospred": "pos-pred",
    "gcc": "gcc",
    "graphcl": "graphcl",
    "infograph": "infograph",
    "joao": "joao",
    "joaov2": "joaov2",
}

Stages = Sequence[tuple[str, Sequence[str]]]
#: Protocol and tasks, the most telling for its time first.
STAGES: Stages = (
    ("finetune-lite", ("rmd17/ethanol",)),
    ("probe", ("qm9/*@12k",)),
    ("emgp-lite", ("rmd17/ethanol",)),
    ("finetune-lite", ("qm9/gap@12k", "qm9/mu@12k", *(f"rmd17/{molecule}" for molecule in FRAMES[1:]))),
    ("emgp-lite", ("qm9/gap@12k", "qm9/mu@12k")),
)

TOY: Stages = (("probe", ("xtb-molecules/homo",)),)


def molbench(*arguments: str) -> int:
    """Exit status of a command; it is interrupted once where this program is, and saves what it has.

    Raises:
        SystemExit: Once it has ended, if it was interrupted.
    """
    command = [sys.executable, "-m", "molbench.cli", *arguments]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()
    raise SystemExit(130)


def converted(released: Path, folder: Path) -> Path:
    """The checkpoint of a released file, made where it is missing.

    Raises:
        SystemExit: If it cannot be converted; the command has said why.
    """
    name = released.name.removeprefix("checkpoint-")
    output = folder / f"{name}.pt"
    folder.mkdir(parents=True, exist_ok=True)
    if not output.exists():
        method = ["--method", METHODS[name]] if name in METHODS else []
        if status := molbench("convert", str(released), "--from", "3d-emgp", "-o", str(output), *method):
            raise SystemExit(status)
    return output


def options_with_folder(parser: argparse.ArgumentParser, toy: Mapping[str, Any]) -> argparse.Namespace:
    """:func:`options_of` and the authors' folder, which is needed but with ``--toy``."""
    parser.add_argument("folder", type=Path, nargs="?", help="the authors' files; with --toy there are none")
    options = options_of(parser, toy)
    if options.folder is None and not options.toy:
        parser.error("FOLDER, where the authors' files lie, is needed")
    return options


def released_files(folder: Path) -> list[Path]:
    """The authors' files, ``checkpoint-<name>`` each.

    Raises:
        SystemExit: If there are none.
    """
    files = sorted(path for path in folder.glob("checkpoint-*") if path.is_file())
    if not files:
        raise SystemExit(f"{folder}: no file checkpoint-*")
    return files


def main() -> None:
    """Convert what is not converted, and evaluate stage by stage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("released"))
    parser.add_argument("--only", nargs="+", choices=sorted({protocol for protocol, _ in STAGES}))
    parser.add_argument("--dry-run", action="store_true", help="show what each stage would take")
    options = options_with_folder(parser, toy={})
    with tempfile.TemporaryDirectory() as scratch:
        if options.toy:
            options.folder, options.output = made_up(Path(scratch)), Path(scratch) / "released"
        failed = perform(options, TOY if options.toy else STAGES)
        report(options, rows_of(options.output / "results"))
    raise SystemExit(failed)


def perform(options: argparse.Namespace, stages: Stages) -> int:
    """Every stage; not 0 if something failed."""
    files = released_files(options.folder)
    models = [str(converted(path, options.output / "checkpoints")) for path in files]
    common = ["--seeds", str(SEEDS), "-o", str(options.output / "results"), "--executor", "inline"]
    common += ["--dry-run"] if options.dry_run else []
    failed = 0
    for protocol, tasks in stages:
        if not options.only or protocol in options.only:
            for task in tasks:
                failed |= molbench("evaluate", *models, "--tasks", task, "--protocol", protocol, *common)
    return failed


def made_up(folder: Path) -> Path:
    """A folder with a file of random weights."""
    import torch

    torch.save(egnn(), folder / "checkpoint-random")
    return folder


def rows_of(results: Path) -> list[Measured]:
    """The scores of what is finished."""
    stored = ResultsFolder.read(results).results if results.is_dir() else []
    return [
        Measured(
            f"{row.candidate}, {row.task}, {row.protocol}",
            {row.metric: row.mean, "± half width": row.half_width, "unit": row.unit, "seeds": len(row.seeds)},
        )
        for row in summarise(stored)
    ]


if __name__ == "__main__":
    main()
