"""``molbench evaluate --fingerprint``, with checkpoints beside it and alone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml

from molbench.cli import main
from molbench.data.folder.manifest import Manifest, file_entries
from molbench.errors import UserError
from molbench.evaluation.result import read_results
from molbench.leaderboard import build_boards
from molbench.leaderboard.render import to_csv, to_json, to_markdown
from molbench.leaderboard.table import Table
from tests.commands import printed
from tests.evaluation import toy

SMALL = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4, "cutoff": 3.0}
LOCAL = ("--executor", "inline")


def _write_alcohols(home: Path, n: int = 200) -> None:
    """Records whose label is in the SMILES, and whose geometry is noise: trees must win."""
    rng = np.random.default_rng(0)
    texts = [f"{'C' * int(rng.integers(1, 9))}{'O' * int(rng.integers(0, 2))}" for _ in range(n)]
    records = [
        {
            "id": f"a{i}",
            "atomic_numbers": [6, 8],
            "positions": rng.normal(size=(2, 3)).astype(np.float32).tolist(),
            "smiles": text,
            "carbons": float(text.count("C")),
        }
        for i, text in enumerate(texts)
    ]
    schema = {"id": pa.string(), "atomic_numbers": pa.list_(pa.uint8()), "positions": toy.VECTORS}
    schema |= {"smiles": pa.string(), "carbons": pa.float64()}
    folder, schemes = home / "datasets" / "alcohols", ["random", "kfold-0-0", "kfold-0-1"]
    declared = toy._dataset("alcohols", {"carbons": {"unit": "eV", "description": "Made by hand"}})
    part = toy._write_part(folder, records, pa.schema(schema), declared, schemes, False)
    task = {"target": "carbons", "metrics": ["mae"], "unit": "eV", "why": "made by hand"}
    tasks = {"carbons": task | {"scheme": "random", "schemes": ["random", "kfold"]}}
    toy._declare(folder, declared, ["random"], {"tasks": tasks})
    splits = yaml.safe_load((folder / "splits.yaml").read_text())
    kfold = {"generator": "kfold", "parameters": {"repeats": 1, "folds": 2}, "description": "made by hand"}
    splits["schemes"]["kfold"] = kfold
    (folder / "splits.yaml").write_text(yaml.safe_dump(splits))
    Manifest(
        name="alcohols",
        dataset_id="alcohols",
        version="1.0.0",
        files=file_entries(folder),
        **part.model_dump(),
    ).write(folder)


@pytest.fixture
def ready(_own_home: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Molecules with and without SMILES, frames, and a checkpoint in the working directory."""
    from molbench.backbones import build_backbone
    from molbench.training.checkpoint import Checkpoint

    monkeypatch.setenv("MOLBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.chdir(tmp_path)
    toy.write_molecules(tmp_path / "home")
    toy.write_frames(tmp_path / "home")
    _write_alcohols(tmp_path / "home")
    torch.manual_seed(0)
    Checkpoint.of(build_backbone("schnet", SMALL), method="m").save(Path("model.pt"))
    return tmp_path


def _json(*arguments: str) -> dict:
    return json.loads(printed("evaluate", *arguments, *LOCAL, "--json"))


@pytest.mark.slow
def test_a_deep_model_that_loses_is_seen_losing(ready: Path) -> None:
    table = printed("evaluate", "model.pt", "--fingerprint", "-t", "alcohols/*", "--seeds", "2", *LOCAL)
    (line,) = [line for line in table.splitlines() if line.startswith("alcohols") and " model " in line]
    assert line.rstrip().endswith("worse")
    assert "over fingerprint" in table and "loses to them" in table
    cells = {
        cell["candidate"]: cell for cell in _json("model.pt", "--fingerprint", "-t", "alcohols/*")["rows"]
    }
    deep, trees = cells["model"], cells["fingerprint"]
    assert deep["over_fingerprint"]["p_adjusted"] < 0.05 and deep["over_fingerprint"]["verdict"] == "worse"
    assert deep["over_fingerprint"]["value"] == pytest.approx(deep["mean"] - trees["mean"])
    assert trees["delta"] is None and trees["over_fingerprint"] is None
    (scratch,) = [cell for name, cell in cells.items() if name.startswith("scratch-")]
    assert scratch["delta"] is None and scratch["over_fingerprint"]["verdict"] == "worse"


@pytest.mark.slow
def test_alone_it_needs_no_checkpoint_and_skips_what_it_cannot_do(ready: Path) -> None:
    arguments = ("--fingerprint", "-t", "alcohols/*,toy/siz*,toy-frames/c*", "--seeds", "1")
    table = printed("evaluate", *arguments, *LOCAL)
    assert "not applicable: fingerprint on toy/size: its records have no SMILES" in table
    assert "not applicable: fingerprint on toy-frames/co: it predicts one value a record" in table
    assert "scratch ± seeds" not in table and "over fingerprint" not in table
    report = _json(*arguments)
    assert [cell["task"] for cell in report["rows"]] == ["alcohols/carbons"]
    skipped = {pair["task"] for pair in report["not_applicable"]}
    assert skipped == {"toy/size", "toy-frames/co"} and report["failures"] == []


@pytest.mark.slow
def test_its_results_do_not_depend_on_the_budget_of_the_networks(ready: Path) -> None:
    assert _json("--fingerprint", "-t", "alcohols/*")["reused"] == 0
    for protocol in (("--protocol", "finetune"), ("--set", "folds=3")):
        report = _json("--fingerprint", "-t", "alcohols/*", *protocol)
        assert report["reused"] == 3 and report["rows"][0]["protocol"] == "fingerprint"
    stored = read_results(Path("results"))
    assert {item.result.protocol.kind for item in stored} == {"fingerprint"}
    assert all(item.result.checkpoint.baseline == "fingerprint" for item in stored)


@pytest.mark.slow
def test_seeds_of_a_cross_validation_are_its_folds(ready: Path) -> None:
    report = _json("--fingerprint", "-t", "alcohols/carbons@kfold", "--seeds", "2")
    assert report["rows"][0]["seeds"] == [0, 1]
    stored = read_results(Path("results"))
    assert [item.result.task.scheme for item in stored] == ["kfold-0-0", "kfold-0-1"]
    assert set(stored[0].predictions.ids) != set(stored[1].predictions.ids)


def test_without_anything_to_score_there_is_an_error(
    ready: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["molbench", "evaluate", "-t", "alcohols/*"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 2
    assert "nothing to score: give a checkpoint" in capsys.readouterr().err
    Path("model.pt").rename("fingerprint.pt")
    with pytest.raises(UserError, match="rename the file"):
        printed("evaluate", "fingerprint.pt", "-t", "alcohols/*")


def _board(tasks: list[str]) -> Table:
    board = {"name": "b", "title": "b", "description": "b", "tasks": tasks, "seeds": 2}
    Path("b.yaml").write_text(yaml.safe_dump(board))
    return build_boards(Path("results"), Path("boards"), ["b.yaml"]).records.boards[0]


@pytest.mark.slow
def test_it_stands_on_boards_beside_the_models(ready: Path) -> None:
    tasks = ["alcohols/carbons", "toy/size"]
    evaluated = ("-t", "alcohols/*,toy/siz*", "--seeds", "2")
    _json("model.pt", *evaluated)
    before = _board(tasks)
    assert "fingerprint" not in {row.model for row in before.rows}
    assert "over_fingerprint" not in to_csv(before) and "--fingerprint" not in to_markdown(before)
    _json("--fingerprint", *evaluated)
    table = _board(tasks)
    assert table.protocol["name"] == "probe"
    rows = {row.model: row for row in table.rows}
    trees = rows.pop("fingerprint")
    # Without SMILES it has no result: it is compared on what it has, and nobody else's score changes.
    assert trees.relative_error is None and trees.first is None
    assert trees.tasks == 1 and trees.backbone == "fingerprint" and trees.method is None
    for row in before.rows:
        assert rows[row.model].relative_error == row.relative_error and rows[row.model].gain == row.gain
        assert row.skill is None and rows[row.model].skill is not None
    page = to_markdown(table)
    (line,) = [line for line in page.splitlines() if line.startswith("| alcohols/carbons |")]
    assert line.count("◇") == 2 and "◇ loses to the fingerprint baseline" in page and "--fingerprint" in page
    assert "over_fingerprint_p" in to_csv(table).splitlines()[0]
    assert Table.model_validate_json(to_json(table)) == table
    # Where every task has SMILES it is ranked as any other.
    assert _board(["alcohols/carbons"]).rows[0].model == "fingerprint"


def test_it_alone_makes_no_board(ready: Path) -> None:
    _json("--fingerprint", "-t", "alcohols/*", "--seeds", "2")
    with pytest.raises(UserError, match="no result of the tasks and protocol of 'b'"):
        _board(["alcohols/carbons"])
    assert not Path("boards").exists()


@pytest.mark.slow
def test_as_a_user_types_it(tmp_path: Path) -> None:
    options = ("-t", "xtb-solvation/dg_solv@random,xtb-spectra/i*", "--seeds", "1", *LOCAL, "--json")
    command = [sys.executable, "-m", "molbench.cli", "evaluate", "--fingerprint", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (cell,) = report["rows"]
    assert cell["task"] == "xtb-solvation/dg_solv@random" and [
        pair["task"] for pair in report["not_applicable"]
    ] == ["xtb-spectra/ir"]
    (stored,) = read_results(tmp_path / "results")
    # Far better than one constant, which is off by the standard deviation.
    assert cell["metric"] == "rmse" and cell["mean"] < 0.3 * stored.predictions.target.std()
