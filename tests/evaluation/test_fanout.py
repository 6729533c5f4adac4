"""Whatever performs the runs, the results are the same."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import fanout
from molbench.cli.main import app
from tests.rooms import ROOT

pytestmark = pytest.mark.slow

TASKS = "xtb-spectra/ir,xtb-dynamics/furan"


def in_this_process(folder: Path, way: str, words: list[str], verb: str = "evaluate") -> None:
    """A command without starting Python, which would take longer than the runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fanout.environment(folder, way).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        done = CliRunner().invoke(app, [verb, *words])
    assert done.exit_code == 0, done.output


def test_every_way_of_spreading_runs_gives_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, two, Ray, Slurm, shards and a killed command write the same files, but for times.

    Slurm is asked twice, and the second time there is nothing left to submit.
    """
    pytest.importorskip("ray")
    pytest.importorskip("submitit")
    monkeypatch.setattr(fanout, "run", in_this_process)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    models = fanout.write_checkpoints(tmp_path, 1)
    asked = [*models, "--no-scratch", "--seeds", "2", "--set", "frames=4", "--tasks", TASKS]
    ways = ["inline", "local", "ray", "slurm", "shards", "killed"]
    report, _ = fanout.compared(tmp_path, asked, ways, kills=1, shards=2, jobs=2)
    same = {way: (report[way]["runs"], report[way]["same results"]) for way in ways}
    assert same == dict.fromkeys(ways, (4, True)) and report["killed"]["killed"] == 1
