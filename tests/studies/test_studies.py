"""Studies: what they measure, what they leave behind, and that they go on where they stopped."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.evaluation.protocols import load_protocol
from molbench.studies.backbones import backbones
from molbench.studies.corruption import corrupt, corruption
from molbench.studies.landscape import landscape
from molbench.studies.learning_curve import learning_curve, sizes_up_to
from molbench.studies.points import Points
from molbench.testing import example_batch
from molbench.training.checkpoint import Checkpoint

pytestmark = pytest.mark.slow

CONFIG = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 6, "cutoff": 4.0}
FAST = load_protocol("finetune", ["training.steps=2", "training.batch_size=8", "evaluations=1"])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.pt"
    Checkpoint.of(build_backbone("schnet", CONFIG), method="toy", pretraining={}).save(path)
    return path


def rows_of(folder: Path) -> list[dict[str, str]]:
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "molbench study" in (folder / "README.md").read_text()
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_sizes_of_a_learning_curve() -> None:
    assert sizes_up_to(700) == [50, 100, 200, 500, 700]
    assert sizes_up_to(50) == [50]


def test_points_are_computed_once_and_a_torn_line_is_computed_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"value": len(calls)}

    assert Points(tmp_path).get({"n": 1}, compute) == Points(tmp_path).get({"n": 1}, compute) == {"value": 1}
    path = tmp_path / "points.jsonl"
    path.write_text(path.read_text()[:-9])
    assert Points(tmp_path).get({"n": 1}, compute) == {"value": 2}


def test_more_training_records_are_better(checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "curve"
    learning_curve(
        [checkpoint],
        ["xtb-molecules/zpve"],
        protocol=load_protocol("probe"),
        seeds=2,
        output=output,
        command="molbench study learning-curve",
        sizes=[20, 400],
    )
    rows = rows_of(output)
    assert [row["training records"] for row in rows] == ["20", "400"] * 2
    own = [float(row["mean"]) for row in rows if row["model"] == "model"]
    assert own[1] < own[0]
    with pytest.raises(UserError, match="training records, not 5,000"):
        learning_curve(
            [checkpoint],
            ["xtb-molecules/zpve"],
            protocol=load_protocol("probe"),
            seeds=1,
            output=output,
            command="",
            sizes=[5000],
        )


def test_corruption_destroys_what_it_says_and_nothing_else() -> None:
    batch = example_batch().replace(rows=torch.arange(example_batch().num_graphs))
    types = corrupt(batch, "type", 0)
    assert torch.equal(types.positions, batch.positions) and types.atomic_numbers.unique().numel() == 1
    places = corrupt(batch, "coordinate", 0)
    assert torch.equal(places.atomic_numbers, batch.atomic_numbers)
    assert torch.equal(places.positions, corrupt(batch, "coordinate", 0).positions)
    assert not torch.equal(places.positions, corrupt(batch, "coordinate", 1).positions)
    spread, drawn = (b.positions.std(dim=0).mean() for b in (batch, places))
    assert 0.2 < drawn / spread < 5
    assert corrupt(batch, "stable", 0) is batch


def test_the_corruption_study(tmp_path: Path) -> None:
    corruption(
        ["schnet"],
        ["xtb-molecules/gap"],
        protocol=FAST,
        seeds=1,
        output=tmp_path / "c",
        command="molbench study corruption",
    )
    assert [row["mode"] for row in rows_of(tmp_path / "c")] == ["stable", "type", "coordinate"]
    with pytest.raises(UserError, match="trains no encoder"):
        corruption(
            ["schnet"],
            ["xtb-molecules/gap"],
            protocol=load_protocol("probe"),
            seeds=1,
            output=tmp_path,
            command="",
        )


def test_a_study_writes_over_nothing_but_itself(checkpoint: Path, tmp_path: Path) -> None:
    asked = {"protocol": load_protocol("probe", ["frames=4", "folds=2"]), "output": tmp_path, "command": ""}
    (tmp_path / "README.md").write_text("# My own\n")
    for study in (
        lambda: landscape([checkpoint], "xtb-dynamics/ethanol", points=3, **asked),
        lambda: learning_curve([checkpoint], ["xtb-molecules/zpve"], seeds=1, sizes=[20], **asked),
        lambda: corruption(["schnet"], ["xtb-molecules/gap"], seeds=1, **asked | {"protocol": FAST}),
        lambda: backbones([checkpoint], ["xtb-molecules/gap"], seeds=1, **asked),
    ):
        with pytest.raises(UserError, match=r"README\.md that is no study's, which would be written over"):
            study()
    assert [path.name for path in tmp_path.iterdir() if path != checkpoint] == ["README.md"]
    again = asked | {"output": tmp_path / "curve"}
    for _ in range(2):
        learning_curve([checkpoint], ["xtb-molecules/zpve"], seeds=1, sizes=[40, 20, 20], **again)
    assert [row["training records"] for row in csv.DictReader((tmp_path / "curve" / "table.csv").open())] == [
        "20",
        "40",
    ] * 2
    with pytest.raises(UserError, match="has the study 'learning-curve'"):
        landscape([checkpoint], "xtb-dynamics/ethanol", points=3, **again)


def test_a_point_that_cannot_be_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^2 training records of seed 0: xtb-dimers"):
        learning_curve(
            [checkpoint],
            ["xtb-dimers/preference"],
            protocol=load_protocol("probe"),
            seeds=1,
            output=tmp_path / "curve",
            command="",
            sizes=[2, 40],
        )
    assert not (tmp_path / "curve").exists()


def test_the_landscape_is_a_plane_around_the_frame(checkpoint: Path, tmp_path: Path) -> None:
    landscape(
        [checkpoint],
        "xtb-dynamics/ethanol",
        protocol=load_protocol("probe", ["frames=4", "folds=2"]),
        output=tmp_path / "l",
        command="molbench study landscape",
        extent=0.5,
        points=5,
    )
    actual = json.loads((tmp_path / "l" / "study.json").read_text())
    for grid in actual["energies"].values():
        assert np.shape(grid) == (5, 5) and grid[2][2] == 0
    assert {row["model"] for row in rows_of(tmp_path / "l")} == set(actual["energies"])
    assert actual["steps"] == [-0.5, -0.25, 0, 0.25, 0.5]


def test_each_backbone_stands_beside_itself_from_scratch(checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    small = build_backbone("painn", {"width": 8, "interactions": 1, "radial": 6})
    Checkpoint.of(small, method="toy", pretraining={"training": {"steps": 7}}).save(other)
    pairs = tmp_path / "pairs.pt"
    Checkpoint.of(build_backbone("mpnn", {}), method="toy", pretraining={}).save(pairs)
    backbones(
        [checkpoint, other, pairs],
        ["xtb-molecules/gap"],
        protocol=load_protocol("probe"),
        seeds=2,
        output=tmp_path / "b",
        command="molbench study backbones",
    )
    rows = rows_of(tmp_path / "b")
    assert [(row["model"], row["backbone"]) for row in rows] == [("model", "schnet"), ("other", "painn")]
    assert len({row["scratch"] for row in rows}) == 2
    for row in rows:
        difference = float(row["pretrained"]) - float(row["scratch"])
        assert float(row["difference"]) == pytest.approx(difference)
    text = (tmp_path / "b" / "README.md").read_text()
    assert "differ in more than the backbone: steps." in text
    assert "not scored: pairs on xtb-molecules/gap: a 'mpnn' encodes pairs of molecules" in text


def test_a_checkpoint_that_is_refused_is_told_and_the_others_are_drawn(
    checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.pt").write_text("no weights")
    with pytest.raises(UserError, match=r"written without.*\nrefused: .*bad\.pt"):
        backbones(
            [checkpoint, tmp_path / "bad.pt"],
            ["xtb-molecules/gap"],
            protocol=load_protocol("probe"),
            seeds=1,
            output=tmp_path / "b",
            command="molbench study backbones",
        )
    assert [row["model"] for row in rows_of(tmp_path / "b")] == ["model"]
    assert "refused: " in (tmp_path / "b" / "README.md").read_text()


def test_a_task_that_has_no_labels_here_is_no_traceback(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not built"):
        backbones(
            [checkpoint],
            ["qm9/gap"],
            protocol=load_protocol("probe"),
            seeds=1,
            output=tmp_path / "b",
            command="molbench study backbones",
        )


def test_the_command_line(checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "molbench.cli", "study", "learning-curve", str(checkpoint)]
    command += ["-t", "xtb-molecules/mu", "-o", str(tmp_path / "s"), "--seeds", "1"]
    done = subprocess.run(
        [*command, "--sizes", "20,40"], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(tmp_path / "s" / name) for name in ("README.md", "table.csv", "study.json", "figure.png")
    ]
    bad = subprocess.run(
        [*command, "--sizes", "many"], capture_output=True, text=True, check=False, timeout=240
    )
    assert bad.returncode == 2 and "Traceback" not in bad.stderr
