"""Ray and Slurm give what this machine gives."""

import colorsys
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.executors import EXECUTORS
from molbench.executors.base import Unit
from tests.executors.fake_slurm import install

pytestmark = pytest.mark.slow

HERE = "tests.executors.units"
ROOT = Path(__file__).parents[2]


def squares(count: int) -> list[list[Unit]]:
    return [[Unit(f"{x}", f"{HERE}:square", {"x": x})] for x in range(count)]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster of one machine; the folder of its state."""
    state = install(tmp_path / "slurm")
    monkeypatch.setenv("FAKE_SLURM", str(state))
    monkeypatch.setenv("PATH", f"{tmp_path / 'slurm' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return state


def test_ray_executes_every_unit_though_a_worker_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    groups = [
        *squares(5),
        [Unit("killed", f"{HERE}:killed", {}), Unit("after", f"{HERE}:square", {"x": 9})],
        [Unit("again", f"{HERE}:killed_once", {"flag": str(tmp_path / "flag")})],
        [Unit("broken", f"{HERE}:broken", {})],
    ]
    done = {item.key: item for item in EXECUTORS["ray"](workers=2, retries=1).run(groups)}
    assert [done[str(x)].value for x in range(5)] == [0, 1, 4, 9, 16]
    assert "lost" in (done["killed"].error or "") and done["after"].value == 81
    assert done["again"].value == "second time"
    assert (done["broken"].error or "").startswith("KeyError: 'nothing'")


@pytest.mark.parametrize("executor", ["ray", "slurm"])
def test_files_of_the_working_folder_are_no_modules_of_a_worker(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    pytest.importorskip(executor if executor == "ray" else "submitit")
    for name in ("colorsys", "random", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the module that is meant')")
    monkeypatch.chdir(tmp_path)
    [done] = EXECUTORS[executor](workers=1).run([[Unit("x", f"{HERE}:imported", {"name": "colorsys"})]])
    assert done.error is None and Path(str(done.value)) == Path(colorsys.__file__)


def test_slurm_executes_every_unit(slurm: Path, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    groups = [*squares(3), [Unit("killed", f"{HERE}:killed", {})], [Unit("wrong", f"{HERE}:wrong", {})]]
    executor = EXECUTORS["slurm"](options={"folder": str(tmp_path / "jobs")})
    done = {item.key: item for item in executor.run(groups)}
    assert [done[str(x)].value for x in range(3)] == [0, 1, 4]
    assert done["wrong"].error == "this is wrong"
    assert done["killed"].error
    assert len(list(slurm.glob("submitted-*"))) == 1


def test_nobody_waits_where_that_is_asked_for(slurm: Path, tmp_path: Path) -> None:
    """The command ends well once its runs are submitted, and repeated later finds what they came to."""
    pytest.importorskip("submitit")
    words = ["pretrain", "coord", "--backbone", "egnn", "--seed-list", "0,1", "--data", "xtb-molecules"]
    words += ["--steps", "1", "--set", "backbone.width=8", "--set", "training.batch_size=4", "-o", "made"]
    line = [sys.executable, "-m", "molbench.cli", *words, "--executor", "slurm", "--executor-set", "wait=no"]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)

    assert re.search(r"submitted as \d+: 2 jobs for 2 runs; the same command collects", run().stderr)
    until = time.monotonic() + 120
    while len([*slurm.glob("*.state")]) < 2 or any(
        "RUN" in path.read_text() for path in slurm.glob("*.state")
    ):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert run().stdout.count("is there already") == 2
    assert len([*slurm.glob("submitted-*")]) == 1
    with pytest.raises(UserError, match="'wait' of executor 'slurm': 'never' is neither yes nor no"):
        EXECUTORS["slurm"](options={"wait": "never"})


def test_jobs_that_slurm_refuses_are_told_in_a_line(slurm: Path, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    said = "sbatch: error: invalid partition specified: moon"
    (tmp_path / "slurm" / "bin" / "sbatch").write_text(f"#!/bin/sh\necho '{said}' >&2; exit 1\n")
    executor = EXECUTORS["slurm"](options={"folder": str(tmp_path / "jobs"), "partition": "moon"})
    with pytest.raises(UserError, match=f"Slurm refused the jobs: {said}"):
        list(executor.run(squares(1)))


def test_without_slurm_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="no Slurm here"):
        list(EXECUTORS["slurm"](options={"folder": str(tmp_path / "jobs")}).run(squares(1)))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_told_at_once(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=f"no Ray cluster at '{address}'"):
        list(EXECUTORS["ray"](options={"address": address}).run(squares(1)))


@pytest.mark.parametrize("address", ["moon", "ray://", "127.0.0.1:port", "127.0.0.1:99999999"])
def test_an_address_that_is_none_is_told_before_it_is_looked_for(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=f"'{address}' is no address: write ray://"):
        EXECUTORS["ray"](options={"address": address})


def test_ray_that_does_not_start_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def timed_out(**_options: object) -> None:
        raise Exception("The current node\n timed out")

    monkeypatch.setattr(ray, "init", timed_out)
    with pytest.raises(UserError, match="Ray did not start: The current node timed out"):
        list(EXECUTORS["ray"]().run(squares(1)))


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molbench.executors.base.find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"pip install 'molbench\[ray\]'"):
        EXECUTORS["ray"]()


def test_an_unknown_option_is_named() -> None:
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match="partition"):
        EXECUTORS["slurm"](options={"partitoin": "x"})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("slurm", "cpus", "two"), ("slurm", "jobs", "0"), ("slurm", "minutes", "1.5"), ("ray", "gpus", "nan")],
)
def test_an_option_that_is_no_number_is_told(name: str, option: str, value: str) -> None:
    pytest.importorskip({"slurm": "submitit"}.get(name, name))
    with pytest.raises(UserError, match=f"'{option}' of executor '{name}': '{value}' is no (whole )?number"):
        EXECUTORS[name](options={option: value})


@pytest.mark.parametrize(("most", "sizes"), [("2", [3, 2]), ("9", [2, 1, 1, 1]), (None, [2, 1, 1, 1])])
def test_slurm_deals_groups_out_among_jobs(most: str | None, sizes: list[int]) -> None:
    pytest.importorskip("submitit")
    groups = [[Unit("a", "f", {}), Unit("b", "f", {})], *squares(3)]
    jobs = EXECUTORS["slurm"](options={"jobs": most} if most else {})._dealt(groups)  # type: ignore[attr-defined]
    assert [len(job) for job in jobs] == sizes
    assert sorted(unit.key for job in jobs for unit in job) == ["0", "1", "2", "a", "b"]
