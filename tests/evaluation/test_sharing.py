"""Evaluations that fail, are killed or run beside one another lose nothing and do nothing twice."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from molbench.atomic import temporary_beside
from molbench.errors import UserError
from molbench.evaluation import evaluate, read_results
from molbench.executors.base import Unit

pytestmark = pytest.mark.slow

TASKS = "toy/size,toy/mass,toy-frames/co"


def start(checkpoint: Path, output: Path, *more: str) -> subprocess.Popen[str]:
    command = ["evaluate", str(checkpoint), "-t", TASKS, "--seeds", "2", "-o", str(output), "--json", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "molbench.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def scores(output: Path) -> dict[str, list[float]]:
    return {
        str(stored.folder.relative_to(output)): stored.predictions.prediction.tolist()
        for stored in read_results(output)
    }


def wait(process: subprocess.Popen[str], until: Callable[[], object]) -> float:
    """Wait until something is so, or a process has ended; the time then."""
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end and not until():
        time.sleep(0.01)
    return time.monotonic()


def finished(output: Path) -> list[Path]:
    """Results that are where they belong; folders that are being written are hidden, and vanish."""
    paths = []
    for folder, folders, files in os.walk(output):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(folder) / name for name in files if name == "result.json"]
    return paths


def has_more_than(output: Path, count: int) -> bool:
    return len(finished(output)) > count


def leftovers(output: Path) -> list[str]:
    return [str(path) for path in output.rglob("*") if path.name.startswith((".", "state-"))]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserError("no luck"), "no luck"),
        (RuntimeError("mat1 and mat2"), "RuntimeError: mat1 and mat2"),
        (MemoryError(), "out of memory"),
        (OSError(28, "No space left on device", "x"), "No space left on device"),
    ],
    ids=["user", "library", "memory", "disk"],
)
def test_any_failure_costs_its_run_alone(toy_home, checkpoint, tmp_path, monkeypatch, error, told) -> None:
    from molbench.evaluation import probe

    real = probe.probe

    def fail(features, data, protocol, seed):
        if data.task.name == "mass":
            raise error
        return real(features, data, protocol, seed)

    monkeypatch.setattr(probe, "probe", fail)
    report = evaluate([checkpoint], ["toy/mass,toy/size"], seeds=1, output=tmp_path / "r", executor="inline")
    assert {outcome.run.task.id for outcome in report.failures} == {"toy/mass"}
    assert all(told in (outcome.error or "") for outcome in report.failures)
    assert {stored.result.task.id for stored in report.results} == {"toy/size"}
    assert not leftovers(tmp_path / "r")


def test_values_that_are_not_numbers_are_no_result(toy_home, checkpoint, tmp_path, monkeypatch) -> None:
    from molbench.evaluation import probe

    monkeypatch.setattr(
        probe, "probe", lambda features, data, protocol, seed: np.full(len(data.rows["test"]), np.nan)
    )
    report = evaluate([checkpoint], ["toy/size"], seeds=1, output=tmp_path / "r", executor="inline")
    assert not report.results
    assert "predictions are not finite (24 of 24)" in (report.failures[0].error or "")


def test_killed_and_repeated_gives_what_was_not_killed(toy_home, checkpoint, tmp_path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    evaluate([checkpoint], [TASKS], seeds=2, output=whole, executor="inline")
    process = start(checkpoint, broken)
    time.sleep(random.Random(0).uniform(2, 9))
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not psutil.wait_procs(workers, timeout=10)[1], "workers outlive their parent"
    before = {path: path.stat().st_mtime_ns for path in broken.rglob("result.json")}
    repeated = start(checkpoint, broken)
    out, err = repeated.communicate(timeout=120)
    assert repeated.returncode == 0, err
    assert json.loads(out)["reused"] == len(before)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert scores(broken) == scores(whole)
    assert not leftovers(broken)


@pytest.mark.timeout(900)
def test_twenty_kills_cost_no_more_than_the_run_that_was_going_on(toy_home, checkpoint, tmp_path) -> None:
    """An evaluation is killed at twenty random moments, and each time continued by the same command.

    Whatever was stored is never made again, so that a kill costs at most the one run that the process was at;
    in the end there are the scores of an evaluation that nobody disturbed, and nothing else lies about.
    """
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    words = ("--protocol", "finetune", "--executor", "inline")
    words += ("--set", "steps=30", "--set", "forces.steps=30")
    undisturbed = start(checkpoint, whole, *words)
    began = wait(undisturbed, lambda: list(whole.glob(".locks/*")))
    first = wait(undisturbed, lambda: finished(whole))
    assert undisturbed.wait(240) == 0
    a_run = (time.monotonic() - first) / 11
    rng, kept = random.Random(0), dict[Path, tuple[int, int]]()
    for number in range(20):
        process = start(checkpoint, broken, *words)
        if number % 6 == 2:  # at its first run
            wait(process, lambda: list(broken.glob(".locks/*")))
            time.sleep(rng.uniform(0, first - began))
        elif number % 6 == 5:  # at a later one
            wait(process, partial(has_more_than, broken, len(kept)))
            time.sleep(rng.uniform(0, a_run))
        else:  # while it starts
            time.sleep(rng.uniform(0, 2))
        assert process.poll() is None, "it was faster than its killer"
        process.kill()
        process.communicate(timeout=60)
        shutil.rmtree(broken / ".locks", ignore_errors=True)  # by which the next one is seen at work
        stored = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in finished(broken)}
        assert kept.items() <= stored.items(), "a stored result was made again"
        kept = stored
    assert len(kept) >= 3
    last = start(checkpoint, broken, *words)
    out, err = last.communicate(timeout=240)
    assert last.returncode == 0, err
    assert json.loads(out)["reused"] == len(kept)
    assert scores(broken) == scores(whole)
    assert not leftovers(broken)


def test_a_killed_worker_costs_one_run(toy_home, checkpoint, tmp_path) -> None:
    output = tmp_path / "r"
    process = start(checkpoint, output, "--protocol", "finetune", "--set", "steps=4000", "-j", "1")
    parent, end = psutil.Process(process.pid), time.monotonic() + 60
    while not list(output.rglob("state-*")) and time.monotonic() < end:
        time.sleep(0.05)
    [worker] = parent.children()
    worker.kill()
    time.sleep(3)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert not psutil.pid_exists(worker.pid)


def test_two_evaluations_share_the_work(toy_home, checkpoint, tmp_path) -> None:
    output = tmp_path / "r"
    both = [start(checkpoint, output) for _ in range(2)]
    made: dict[Path, set[int]] = {}
    end = time.monotonic() + 240
    while any(process.poll() is None for process in both) and time.monotonic() < end:
        for folder, folders, files in os.walk(output):  # what vanishes meanwhile is passed over
            folders[:] = [name for name in folders if not name.startswith(".")]
            if "result.json" in files:
                path = Path(folder) / "result.json"
                with suppress(FileNotFoundError):
                    made.setdefault(path, set()).add(path.stat().st_ino)
        time.sleep(0.02)
    for process in both:
        if process.poll() is None:
            process.kill()
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    reports = [json.loads(out) for out, _ in outputs]
    assert reports[0]["rows"] == reports[1]["rows"]
    assert len(made) == 12
    assert all(len(inodes) == 1 for inodes in made.values()), "a run was done twice"
    assert not leftovers(output)


def test_what_dead_processes_left_is_swept(toy_home, checkpoint, tmp_path) -> None:
    [stored, *_] = evaluate([checkpoint], ["toy/size"], seeds=1, output=tmp_path / "r").results
    mine = temporary_beside(stored.folder)
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-99999999-"))
    other = mine.with_name(mine.name.replace(mine.name.split(".")[-2].split("-")[0], "0" * 8))
    for folder in (mine, dead, other):
        folder.mkdir()
        (folder / "half").touch()
    evaluate([checkpoint], ["toy/size"], seeds=1, output=tmp_path / "r")
    assert (mine.exists(), dead.exists(), other.exists()) == (True, False, True)


def test_units_are_plain(toy_home, checkpoint, tmp_path, monkeypatch) -> None:
    """Workers get names and paths: nothing is pickled, and JSON says all of it."""
    from molbench.executors.inline import Inline

    seen: list[Unit] = []
    real = Inline.run

    def note(self, groups, listen):
        seen.extend(unit for group in groups for unit in group)
        return real(self, groups, listen)

    monkeypatch.setattr(Inline, "run", note)
    evaluate([checkpoint], ["toy/size"], seeds=1, output=tmp_path / "r", executor="inline", fingerprint=True)
    assert seen
    assert all(json.loads(json.dumps(dict(unit.arguments))) == unit.arguments for unit in seen)
