"""``molbench data``: verbs from end to end."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from molbench.cli import data
from molbench.errors import UserError

RUNNER = CliRunner()


def invoke(*arguments):
    result = RUNNER.invoke(data.app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A catalogue with one dataset ``toy``, and its raw file."""
    folder = tmp_path / "datasets" / "toy"
    folder.mkdir(parents=True)
    vectors = pa.list_(pa.list_(pa.float32(), 3))
    table = pa.table(
        {
            "id": [f"m-{i}" for i in range(40)],
            "atomic_numbers": pa.array([[1, 8]] * 40, pa.list_(pa.uint8())),
            "positions": pa.array([[[0, 0, 0], [0, 0, 1 + i]] for i in range(40)], vectors),
            "energy": [float(i) for i in range(40)],
        }
    )
    pq.write_table(table, tmp_path / "toy.parquet")
    dataset = {
        "name": "toy",
        "version": "1.0.0",
        "title": "Toy",
        "summary": "Noise.",
        "record": "molecule",
        "licence": "CC0-1.0",
        "citation": ["Nobody."],
        "parser": "records",
        "options": {"columns": ["energy"]},
        "sources": {"records": {"filename": "toy.parquet"}},
        "targets": {"energy": {"unit": "eV", "description": "Noise"}},
        "records": 40,
    }
    parameters = {"seed": 0, "fractions": [0.8, 0.1, 0.1]}
    schemes = {"random": {"generator": "ratio", "parameters": parameters, "description": "Random."}}
    task = {"target": "energy", "metrics": ["mae"], "unit": "meV", "scheme": "random", "why": "To see."}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(dataset))
    (folder / "splits.yaml").write_text(yaml.safe_dump({"schemes": schemes}))
    (folder / "tasks.yaml").write_text(yaml.safe_dump({"tasks": {"energy": task}}))
    (tmp_path / "datasets" / "suites.yaml").write_text("suites: {}\n")
    for module in ("molbench.data.folder.location", "molbench.spec.catalogue"):
        monkeypatch.setattr(f"{module}.catalogue_root", lambda: tmp_path)
    return tmp_path


def test_build_info_verify_card_push(catalogue):
    assert "toy 1.0.0: 40 records" in invoke("build", "toy", "--raw", catalogue, "--offline")
    facts = json.loads(invoke("info", "toy", "--json"))
    assert facts["configs"] == {"random": {"train": 32, "validation": 4, "test": 4}}
    assert facts["partial"] is False
    assert "40 records: undamaged" in invoke("verify", "toy")
    assert json.loads(invoke("verify", "toy", "--json"))["digest"] == facts["digest"]
    card = invoke("card", "toy").strip()
    assert card.replace("\n", "").endswith("README.md")
    assert "`toy/energy`" in Path(card.replace("\n", "")).read_text()
    listed = json.loads(invoke("push", "toy", "somebody/toy", "--dry-run", "--json"))
    assert {"README.md", "manifest.json", "splits/random.parquet"} <= {item["path"] for item in listed}
    assert "would upload" in invoke("push", "toy", "somebody/toy", "--dry-run")


def test_nobody_said_how_many_records_there_are(catalogue):
    path = catalogue / "datasets" / "toy" / "dataset.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"records": None}))
    with pytest.raises(UserError, match="40 records, of how many is not known"):
        invoke("build", "toy", "--raw", catalogue, "--offline")
    told = invoke("build", "toy", "--raw", catalogue, "--offline", "--allow-partial")
    assert "toy-partial 1.0.0: 40 records (of how many is not known)" in told
    assert "no board ranks scores on these, which lack records: all" in told
    assert json.loads(invoke("info", "toy-partial", "--json"))["incomplete"] == ["random"]


def test_output_folder_works_wherever_a_name_does(catalogue, tmp_path):
    invoke("build", "toy", "--raw", catalogue, "-o", tmp_path / "out", "-j", 2)
    assert "undamaged" in invoke("verify", tmp_path / "out")


def test_import(tmp_path):
    path = tmp_path / "mine.xyz"
    path.write_text("1\nhelium\nHe 0 0 0\n")
    assert "mine 1.0.0: 1 records" in invoke("import", path, "--name", "mine")


def test_mistakes_are_user_errors(catalogue):
    for arguments, message in (
        (["build", "nothing"], "unknown dataset 'nothing'"),
        (["build", "toy", "--raw", "/nowhere"], "no such file or folder"),
        (["verify", "toy"], "molbench data build toy"),
        (["build", "toy", "--raw", catalogue, "--subset", "ethanol"], "no subset 'ethanol'"),
    ):
        result = RUNNER.invoke(data.app, [str(argument) for argument in arguments])
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)
