"""``molbench list`` and ``molbench schema`` as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "molbench.cli"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize(
    "what", ["datasets", "tasks", "splits", "suites", "methods", "backbones", "protocols", "metrics"]
)
def test_lists_are_tables_and_json(what: str) -> None:
    table = run("list", what)
    assert table.returncode == 0 and table.stdout.strip(), table.stderr
    rows = json.loads(run("list", what, "--json").stdout)
    assert rows and all(isinstance(row, dict) for row in rows)


def test_tasks_are_chosen_by_glob_and_suite() -> None:
    rows = json.loads(run("list", "tasks", "qm9/*", "--json").stdout)
    assert len(rows) == 12 and {row["unit"] for row in rows} >= {"meV", "D"}
    embedded = json.loads(run("list", "tasks", "--suite", "embedded", "--json").stdout)
    names = {"xtb-molecules", "xtb-dynamics", "xtb-spectra", "xtb-solvation", "xtb-dimers"}
    assert {row["task"].split("/")[0] for row in embedded} == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "tasks", "qm8/*"], "no task matches 'qm8/*'"),
        (["list", "tasks", "qm9/homo@nowhere"], "schemes of 'qm9/homo'"),
        (["list", "tasks", "--suite", "nothing"], "unknown suite 'nothing'"),
    ],
)
def test_mistakes_end_with_code_2_and_no_traceback(words: list[str], message: str) -> None:
    result = run(*words)
    assert result.returncode == 2 and message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("kind", ["dataset", "splits", "tasks", "suites", "protocol", "training", "board"])
def test_schemas_refuse_unknown_keys(kind: str) -> None:
    schema = json.loads(run("schema", kind).stdout)
    assert schema["additionalProperties"] is False and schema["properties"]


def test_stages_of_a_checkpoint(tmp_path: Path) -> None:
    import torch

    from molbench.backbones import build_backbone
    from molbench.training.checkpoint import Checkpoint

    torch.manual_seed(0)
    provenance = {"dataset": "qm9", "steps": 7, "stages": [{"method": "supervised", "dataset": "geom"}]}
    made = Checkpoint.of(build_backbone("schnet"), method="geossl-ddm", pretraining=provenance)
    made.save(tmp_path / "c.pt")
    actual = json.loads(run("list", "stages", str(tmp_path / "c.pt"), "--json").stdout)
    assert [(stage["method"], stage["dataset"]) for stage in actual] == [
        ("supervised", "geom"),
        ("geossl-ddm", "qm9"),
    ]
    lines = run("list", "stages", str(tmp_path / "c.pt")).stdout.splitlines()
    assert "supervised" in lines[1] and "geom" in lines[1]
    assert "geossl-ddm" in lines[2] and made.digest[:12] in lines[2]
