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
from molbench.submission.receipt import EXACT, TRAINED, Rerun, TaskScore


def rerun(submission: SubmissionFolder, task_scores: Sequence[TaskScore], offline: bool = False) -> Rerun:
    """Evaluate the weights on all tasks and seeds of a submission, and compare the scores.

    The checkpoint is read as tensors and numbers; the process is for its memory and its end, not for safety.
    A deviation is a share of the score; of an audit it is a share of its tolerance, where that is larger:
    below it a number is rounding.

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
        for protocol in sorted({task_score.protocol for task_score in task_scores}):
            protocol_scores = [
                task_score
                for task_score in task_scores
                if task_score.protocol == protocol and task_score.version.endswith(".0")
            ]
            _evaluate(path, protocol_scores, protocol)
            tolerance = EXACT if protocol == "probe" else TRAINED
            allowed = max(allowed, tolerance)
            for task_score in protocol_scores:
                scale = max(abs(task_score.mean), tolerated.get(task_score.task) or 1e-12)
                deviation = (
                    _deviation(path.parent / "results" / path.stem, task_score, weights.encoder_digest)
                    / scale
                )
                largest = max(largest, deviation)
                if deviation > tolerance:
                    raise UserError(
                        f"{submission.path}: {task_score.task}: evaluated again: {deviation:.2%} away from "
                        f"{task_score.mean:.6g} {task_score.unit}, more than {tolerance:.1%}"
                    )
    return Rerun(weights=weights.checkpoint.sha256, largest=float(f"{largest:.3g}"), tolerance=allowed)


def _evaluate(path: Path, task_scores: Sequence[TaskScore], protocol: str) -> None:
    command = [*run_module("molbench.cli"), "evaluate", str(path), "--no-scratch", "--json"]
    command += ["--protocol", protocol, "--output", str(path.parent / "results"), "--executor", "inline"]
    command += ["--tasks", ",".join(task_score.task for task_score in task_scores)]
    command += ["--seeds", str(1 + max(seed for task_score in task_scores for seed in task_score.seeds))]
    done = subprocess.run(  # noqa: S603 - own program
        command, capture_output=True, text=True, check=False, env=import_environment()
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"the checkpoint cannot be evaluated again: {last[:300]}")


def _deviation(results: Path, task_score: TaskScore, encoder_digest: str) -> float:
    deviation = 0.0
    for seed, value in zip(task_score.seeds, task_score.values, strict=True):
        stored = Stored.read(results / task_score.task / task_score.protocol / str(seed))
        if stored.result.checkpoint.encoder_digest != encoder_digest:
            raise UserError("the checkpoint is not the encoder that weights.encoder_digest names")
        deviation = max(deviation, abs(stored.value - value))
    return deviation
