"""``molbench data audit`` and ``molbench audit overlap`` as processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from molbench.cli.main import app
from molbench.data.build.builder import build
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry

VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def molbench(*arguments, code=0):
    command = [sys.executable, "-m", "molbench.cli", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert run.returncode == code, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    return run


@pytest.fixture
def leaking(tmp_path) -> Path:
    """A built dataset of forty records, twenty molecules twice, under a random scheme."""
    table = pa.table(
        {
            "id": [f"m{i}" for i in range(40)],
            "atomic_numbers": pa.array([[6, 8]] * 40, pa.list_(pa.uint8())),
            "positions": pa.array([[[0, 0, 0], [0, 0, 1.4]]] * 40, VECTORS),
            "smiles": [f"{'C' * (i // 2 + 1)}O" for i in range(40)],
            "group": [f"g{i // 2}" for i in range(40)],
            "y": [float(i) for i in range(40)],
        }
    )
    raw = tmp_path / "raw"
    raw.mkdir()
    pq.write_table(table, raw / "leaking.parquet")
    parameters = {"seed": 0, "fractions": [0.6, 0.2, 0.2]}
    dataset = {
        "name": "leaking",
        "version": "1.0.0",
        "title": "Leaking",
        "summary": "Every molecule twice.",
        "record": "molecule",
        "licence": "CC0-1.0",
        "citation": ["Nobody."],
        "parser": "records",
        "options": {"columns": ["smiles", "group", "y"]},
        "sources": {"records": {"filename": "leaking.parquet"}},
        "records": len(table),
        "targets": {"y": {"unit": "eV", "description": "A number"}},
    }
    schemes = {
        "random": {"generator": "ratio", "parameters": parameters, "description": "Random."},
        "grouped": {
            "generator": "group",
            "parameters": parameters,
            "description": "Whole molecules.",
        },
        "high": {
            "generator": "target_range",
            "parameters": parameters | {"target": "y", "end": "high"},
            "description": "Trained on low labels.",
            "leaks": "Validation is drawn from the range of train, record by record.",
        },
        "kfold": {
            "generator": "kfold",
            "parameters": {"repeats": 2, "folds": 4, "seed": 0, "validation": 0.1},
            "description": "Four folds.",
            "leaks": "Every molecule is there twice.",
        },
    }
    declared = tmp_path / "declared"
    declared.mkdir()
    task = {"target": "y", "metrics": ["mae"], "unit": "eV", "scheme": "random", "why": "To see."}
    for file, content in {
        "dataset": dataset,
        "splits": {"schemes": schemes},
        "tasks": {"tasks": {"y": task}},
    }.items():
        (declared / f"{file}.yaml").write_text(json.dumps(content))
    return build(DatasetEntry("leaking", declared), raw=raw)


@pytest.mark.slow
def test_an_embedded_dataset_is_clean(tmp_path):
    actual = json.loads(molbench("data", "audit", "xtb-molecules", "--json", "--out", tmp_path).stdout)
    assert actual == json.loads((tmp_path / "xtb-molecules.json").read_text())
    schemes = actual["parts"][0]["schemes"]
    assert set(schemes) == {"random", "scaffold", "size", "similarity"}
    assert all(not any(scheme["shared"].values()) for scheme in schemes.values())
    assert {"generator", "parameters", "digest", "parent", "splits", "nearest"} <= set(schemes["random"])


@pytest.mark.slow
def test_an_undeclared_leak_ends_with_exit_code_1_and_its_number(leaking):
    splits = pq.read_table(leaking / "splits" / "random.parquet").column("split").to_pylist()
    sides = [set(splits[i : i + 2]) for i in range(0, 40, 2)]
    number = sum(side == {"train", "test"} for side in sides)
    assert number > 0
    run = molbench("data", "audit", "leaking", code=1)
    assert f"{number:,} of train/test" in run.stderr
    told = [line for line in run.stderr.splitlines() if line.strip()]
    assert [line.split(": ")[1] for line in told] == ["random"]
    rows = {line.split()[0]: line for line in run.stdout.splitlines() if line.strip()}
    assert rows["grouped"].rstrip().endswith("disjoint")
    assert rows["high"].rstrip().endswith("leaks, as declared")
    assert "(8 folds)" in rows["kfold"]


@pytest.mark.slow
def test_the_page_has_a_section_and_a_small_figure_for_each(leaking, tmp_path):
    molbench("data", "audit", "--all", "--docs", tmp_path / "docs" / "datasets.md", code=1)
    page = (tmp_path / "docs" / "datasets.md").read_text()
    for name in ("leaking", "xtb-dynamics", "xtb-molecules"):
        assert f"## {name}\n" in page and f"](figures/datasets/{name}.png)" in page
        figure = (tmp_path / "docs" / "figures" / "datasets" / f"{name}.png").read_bytes()
        assert figure.startswith(b"\x89PNG") and len(figure) < 60_000
    assert "Every molecule is there twice." in page


@pytest.mark.slow
def test_overlap(leaking, tmp_path):
    arguments = ("audit", "overlap", "--pretrain", "leaking", "--tasks", "xtb-molecules/*,leaking/*")
    matrix = json.loads(molbench(*arguments, "--json", "--out", tmp_path).stdout)
    assert len(matrix["tasks"]) == 13 and matrix["corpus"]["dataset"] == "leaking"
    assert {path.name for path in tmp_path.glob("overlap.*")} == {
        f"overlap.{s}" for s in ("csv", "json", "png")
    }
    table = molbench(*arguments).stdout
    assert "xtb-molecules/homo" in table and "corpus leaking@random: 24 training records" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "audit"], "name one dataset"),
        (["data", "audit", "xtb-molecules", "--all"], "name one dataset"),
        (["data", "audit", "nothing"], "unknown dataset 'nothing'"),
        (["audit", "overlap", "--pretrain", "xtb-molecules", "--tasks", "nothing/*"], "no task matches"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(UserError, match=message):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
