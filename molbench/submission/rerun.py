"""The checkpoint of a submission evaluated again, in a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.result import Stored
from molbench.executors.interpreter import import_environment, run_module
from molbench.spec.catalogue import AUDIT, Catalogue
from molbench.submission.download import local_file
from molbench.submission.folder import SubmissionFolder
from molbench.submission.receipt import Cell, Rerun

#: Deviation of a score between machines, as a share of it: of what is solved exactly, and of training. Of an
#: audit it is a share of its tolerance, where that is larger: below it a number is rounding.
EXACT, TRAINED = 1e-3, 0.05


def rerun(submission: SubmissionFolder, cells: Sequence[Cell], offline: bool = False) -> Rerun:
    """Evaluate the weights on all tasks and seeds of a submission, and compare the scores.

    The checkpoint is read as tensors and numbers; the process is for its memory and its end, not for safety.

    Raises:
        UserError: If there is no checkpoint, it is not the one that was submitted, or a score deviates.
    """
    weights = submission.card.weights
    if weights is None or weights.checkpoint is None:
        raise UserError(f"{submission.path}: gives no checkpoint, which --rerun evaluates; see `submit pack`")
    source = local_file(submission, weights.checkpoint, offline)
    suffix = Path(str(weights.checkpoint.file or weights.checkpoint.url)).suffix
    largest, allowed = 0.0, EXACT
    tolerated = {ref.id: ref.task.tolerance for ref in Catalogue.load().tasks(f"{AUDIT}/*")}
    with tempfile.TemporaryDirectory(prefix="molbench-rerun-") as folder:
        path = Path(folder) / f"{submission.card.model}{suffix}"
        shutil.copyfile(source, path)
        for protocol in sorted({cell.protocol for cell in cells}):
            protocol_cells = [
                cell for cell in cells if cell.protocol == protocol and cell.version.endswith(".0")
            ]
            _evaluate(path, protocol_cells, protocol)
            tolerance = EXACT if protocol == "probe" else TRAINED
            allowed = max(allowed, tolerance)
            for cell in protocol_cells:
                scale = max(abs(cell.mean), tolerated.get(cell.task) or 1e-12)
                deviation = (
                    _deviation(path.parent / "results" / path.stem, cell, weights.encoder_digest) / scale
                )
                largest = max(largest, deviation)
                if deviation > tolerance:
                    raise UserError(
                        f"{submission.path}: {cell.task}: evaluated again: {deviation:.2%} away from "
                        f"{cell.mean:.6g} {cell.unit}, more than {tolerance:.1%}"
                    )
    return Rerun(weights=weights.checkpoint.sha256, largest=float(f"{largest:.3g}"), tolerance=allowed)


def _evaluate(path: Path, cells: Sequence[Cell], protocol: str) -> None:
    command = [*run_module("molbench.cli"), "evaluate", str(path), "--no-scratch", "--json"]
    command += ["--protocol", protocol, "--output", str(path.parent / "results"), "--executor", "inline"]
    command += ["--tasks", ",".join(cell.task for cell in cells)]
    command += ["--seeds", str(1 + max(seed for cell in cells for seed in cell.seeds))]
    done = subprocess.run(  # noqa: S603 - own program
        command, capture_output=True, text=True, check=False, env=import_environment()
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"the checkpoint cannot be evaluated again: {last[:300]}")


def _deviation(results: Path, cell: Cell, encoder_digest: str) -> float:
    deviation = 0.0
    for seed, value in zip(cell.seeds, cell.values, strict=True):
        stored = Stored.read(results / cell.task / cell.protocol / str(seed))
        if stored.result.checkpoint.encoder_digest != encoder_digest:
            raise UserError("the checkpoint is not the encoder that weights.encoder_digest names")
        deviation = max(deviation, abs(stored.value - value))
    return deviation
