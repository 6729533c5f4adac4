"""Several pretrainings: whoever trains them, the weights are those of one after the other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from molbench.errors import UserError
from molbench.executors.request import ExecutorRequest
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.sweep import SweepRequest
from molbench.training.checkpoint import Checkpoint
from molbench.training.forecast import forecast_pretrainings
from molbench.training.interrupt import InterruptedTrainingError
from molbench.training.loop import StepReport
from molbench.training.pretrain import run_pretraining
from molbench.training.sweep import run_sweep
from tests.executors.fake_slurm import install
from tests.rooms import ROOT

pytestmark = pytest.mark.slow

SMALL = {"backbone": {"width": 8}, "training": {"batch_size": 16, "warmup_steps": 0}}
FIELDS = {
    "method": "coord",
    "backbone": "painn,egnn",
    "data": "xtb-molecules",
    "steps": 2,
    "overrides": SMALL,
}
NAMES = ["coord-painn-0.pt", "coord-painn-3.pt", "coord-egnn-0.pt", "coord-egnn-3.pt"]


def requests(folder: Path, seeds: str = "0,3", **fields: object) -> list[PretrainRequest]:
    return SweepRequest(seeds).requests({**FIELDS, **fields, "output": folder})


def inline(made: list[PretrainRequest]) -> dict[str, str | None]:
    """Name of each checkpoint to why there is none."""
    outcomes = run_sweep(made, ExecutorRequest("inline").make())
    return {outcome.request.output.name: outcome.error for outcome in outcomes}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def digests(folder: Path) -> dict[str, str]:
    return {path.name: Checkpoint.load(path).digest for path in folder.glob("*.pt")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the weights, trained one by one."""
    folder = tmp_path_factory.mktemp("alone")
    return {request.output.name: run_pretraining(request).digest for request in requests(folder)}


@pytest.mark.parametrize("name", ["inline", "local", "ray", "slurm"])
def test_every_executor_gives_the_weights_of_one_by_one(
    name: str, alone: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {}
    if name in {"ray", "slurm"}:
        pytest.importorskip({"slurm": "submitit"}.get(name, name))
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
    if name == "slurm":
        monkeypatch.setenv("FAKE_SLURM", str(install(tmp_path / "cluster")))
        monkeypatch.setenv("PATH", f"{tmp_path / 'cluster' / 'bin'}{os.pathsep}{os.environ['PATH']}")
        options = {"folder": str(tmp_path / "jobs"), "jobs": "2"}
    where = ExecutorRequest(name, workers=2, options=options)
    made = requests(tmp_path / "made")
    outcomes = list(run_sweep(made, where.make()))
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert names(tmp_path / "made") == sorted(NAMES)
    assert digests(tmp_path / "made") == alone
    again = list(run_sweep(made, where.make()))
    assert all(outcome.reused for outcome in again)
    if name == "slurm":  # the second time there was nothing to submit
        assert len(list((tmp_path / "cluster" / "state").glob("submitted-*"))) == 1


def test_one_failure_costs_one_checkpoint(tmp_path: Path) -> None:
    errors = inline(requests(tmp_path, "0", backbone="schnet,egnn"))
    assert "vectors" in (errors["coord-schnet-0.pt"] or "") and errors["coord-egnn-0.pt"] is None
    assert names(tmp_path) == ["coord-egnn-0.pt"]


def test_what_is_there_of_other_settings_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    assert inline(requests(tmp_path, "0", backbone="egnn")) == {"coord-egnn-0.pt": None}
    for field, value, changed in [
        ("steps", 3, "training.steps was 2, is 3"),
        ("variant", "faithful", "variant was intended, is faithful"),
        ("exclude", "xtb-molecules/gap", r"excluded was \[\], is \['xtb-molecules/gap'\]"),
        ("scheme", "scaffold", "scheme was random, is scaffold"),
    ]:
        with pytest.raises(
            UserError, match=f"coord-egnn-0.pt: a checkpoint of another pretraining.*{changed}"
        ):
            inline(requests(tmp_path, "0", **{field: value}))
    assert names(tmp_path) == ["coord-egnn-0.pt"]


def test_a_second_stage_is_known_by_where_it_starts(tmp_path: Path) -> None:
    (first,) = requests(tmp_path, "1", backbone="egnn")
    run_pretraining(first)
    stage = {"backbone": None, "init": first.output, "overrides": {"training": SMALL["training"]}}
    assert inline(requests(tmp_path, "4", **stage)) == {"coord-coord-egnn-1-4.pt": None}
    (other,) = requests(tmp_path, "2", backbone="egnn")
    run_pretraining(other)
    with pytest.raises(UserError, match="init was"):
        again = requests(tmp_path, "4", **stage | {"init": other.output})
        (tmp_path / "coord-coord-egnn-1-4.pt").rename(again[0].output)
        inline(again)


def test_two_sweeps_do_not_train_one_checkpoint_at_once(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".coord-egnn-0.pt.lock"):
        errors = inline(requests(tmp_path, "0,1", backbone="egnn"))
    assert "another process is at it" in (errors["coord-egnn-0.pt"] or "")
    assert errors["coord-egnn-1.pt"] is None


def test_a_sweep_that_is_killed_goes_on(tmp_path: Path) -> None:
    words = [
        "coord",
        "--backbone",
        "egnn",
        "--seed-list",
        "0,1,2",
        "--data",
        "xtb-molecules",
        "--steps",
        "60",
    ]
    words += ["--set", "backbone.width=8", "--set", "training.batch_size=8", "-j", "2", "-o", "killed"]
    # On one processor: a sweep with one pretraining left gives it the threads of all, and other last digits.
    pin = "import os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    pin += "os.execv(sys.argv[1], sys.argv[1:])"
    line = [sys.executable, "-c", pin, sys.executable, "-m", "molbench.cli", "pretrain", *words]
    killed = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 120
        while not digests(tmp_path / "killed") and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        killed.kill()
    printed = killed.communicate(timeout=60)[1]
    assert killed.returncode == -signal.SIGKILL, printed
    assert 0 < len(digests(tmp_path / "killed")) < 3
    subprocess.run(line, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    settings = {"backbone": {"width": 8}, "training": {"batch_size": 8}}
    inline(requests(tmp_path / "whole", "0,1,2", backbone="egnn", steps=60, overrides=settings))
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert names(tmp_path / "killed") == names(tmp_path / "whole")


def test_a_dry_run_tells_what_is_there_and_what_the_rest_takes_and_writes_nothing(tmp_path: Path) -> None:
    def dry(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "molbench.cli", "pretrain", "coord", "--seed-list", "0,1", "--dry-run"]
        line += ["--data", "xtb-molecules", "--steps", "2", "-o", "sweep", "--set", "backbone.width=8"]
        line += ["--set", "training.batch_size=16", "--set", "training.warmup_steps=0", *words]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    before = dry("--backbone", "painn,schnet")
    assert before.returncode == 2 and not names(tmp_path)
    assert "2 pretrainings, 0 there already; about < 1 s for the others" in before.stdout
    assert before.stderr.count("schnet' has no vectors") == 2 and "coord-schnet-0.pt" in before.stderr
    (request, _) = requests(tmp_path / "sweep", "0,1", backbone="painn")
    run_pretraining(request)
    after = dry("--backbone", "painn")
    assert after.returncode == 0 and names(tmp_path / "sweep") == ["coord-painn-0.pt"], after.stderr
    rows = [line.split() for line in after.stdout.splitlines() if ".pt" in line]
    assert [row[1:3] for row in rows] == [["2", "2"], ["2", "0"]] and rows[1][-1] == "results"
    other = dry("--backbone", "painn", "--variant", "faithful")
    assert other.returncode == 2 and "variant was intended, is faithful" in other.stderr
    assert "Traceback" not in before.stderr + other.stderr


def test_a_dry_run_counts_the_steps_of_what_was_stopped(tmp_path: Path) -> None:
    (request,) = requests(tmp_path, "0", backbone="egnn", steps=30)

    def stop(report: StepReport) -> None:
        if report.step == 12:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(InterruptedTrainingError):
        run_pretraining(request, stop)
    stopped = forecast_pretrainings([request])
    assert 12 <= stopped.rows[0].done < 30 and not stopped.finished and not stopped.refusals
    (other,) = requests(tmp_path, "0", backbone="egnn", steps=31)
    assert "state of another run: steps was 30, is 31" in forecast_pretrainings([other]).refusals[0]
    run_pretraining(request)
    assert forecast_pretrainings([request]).finished == 1
