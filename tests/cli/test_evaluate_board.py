"""``molbench evaluate`` and ``molbench board`` as a user types them."""

import json
from pathlib import Path

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.training.checkpoint import Checkpoint
from tests.commands import printed
from tests.evaluation import toy

SMALL = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4, "cutoff": 3.0}


@pytest.fixture
def ready(_own_home: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a toy dataset and a checkpoint, in the working directory."""
    monkeypatch.setenv("MOLBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    toy.write_molecules(tmp_path / "home")
    torch.manual_seed(0)
    Checkpoint.of(build_backbone("schnet", SMALL), method="m").save(Path("model.pt"))
    return tmp_path


@pytest.mark.slow
def test_the_closing_table_has_units_intervals_and_the_gain(ready: Path) -> None:
    output = printed(
        "evaluate", "model.pt", "--tasks", "toy/size,toy/mass", "--seeds", "2", "--executor", "inline"
    )
    for text in ("toy/size", "meV", "mae ↓", "model", "scratch", " ± ", "95 %", "2 seeds", "detectable"):
        assert text in output
    again = json.loads(
        printed("evaluate", "model.pt", "-t", "toy/size", "-t", "toy/mass", "--seeds", "2", "--json")
    )
    assert again["reused"] == 8 and len(again["rows"]) == 4
    delta = again["rows"][0]["delta"]
    assert 0 < delta["p"] <= delta["p_adjusted"] <= 1 and delta["detectable_later"] < delta["detectable"]


def test_one_seed_never_says_better(ready: Path) -> None:
    arguments = ("evaluate", "model.pt", "--tasks", "toy/size", "--seeds", "1", "--executor", "inline")
    output = printed(*arguments)
    assert "needs more seeds" in output and "better" not in output.split("protocol")[0]
    assert "use --seeds 3 or more" in output
    (delta,) = (cell["delta"] for cell in json.loads(printed(*arguments, "--json"))["rows"] if cell["delta"])
    assert delta["verdict"] == "needs more seeds" and delta["p"] is None


def test_a_backbone_is_scored_alone_and_beside_a_checkpoint_once(ready: Path) -> None:
    arguments = ("evaluate", "-t", "toy/size", "--seeds", "2", "--executor", "inline", "--backbone", "egnn")
    assert "scratch-egnn-" in printed(*arguments)
    shown = json.loads(printed(*arguments, "--backbone", "egnn", "--json"))
    (name,) = {row["candidate"] for row in shown["rows"]}
    assert shown["reused"] == 2 and name.startswith("scratch-egnn-")
    Checkpoint.of(build_backbone("egnn"), method="m").save(Path("mine.pt"))
    both = json.loads(printed(*arguments, "mine.pt", "--json"))
    assert both["reused"] == 2 and [row["candidate"] for row in both["rows"]] == ["mine", name]
    small = json.loads(printed(*arguments, "--set", "backbone.width=8", "--json"))
    assert small["reused"] == 0 and small["rows"][0]["candidate"] not in {"mine", name}
    with pytest.raises(UserError, match="asked for by --backbone"):
        printed("evaluate", "mine.pt", "-t", "toy/size", "--set", "backbone.width=8")
    with pytest.raises(UserError, match=r"unknown backbone 'egn' \(did you mean 'egnn'\?\)"):
        printed("evaluate", "--backbone", "egn")


def test_without_scratch_there_is_no_baseline(ready: Path) -> None:
    cells = json.loads(
        printed("evaluate", "model.pt", "-t", "toy/size", "--seeds", "1", "--no-scratch", "--json")
    )["rows"]
    assert [cell["candidate"] for cell in cells] == ["model"] and cells[0]["delta"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("model.pt", "-t", "toy/none"), "no task matches 'toy/none'"),
        (("other.pt", "-t", "toy/size"), "no such file"),
        (("model.pt", "-t", "toy/size", "--protocol", "magic"), "unknown protocol 'magic'"),
        (("model.pt", "-t", "toy/size", "--set", "stepz=1"), "no setting 'stepz'"),
        (("model.pt", "-t", "toy/size", "--executor", "moon"), "unknown executor 'moon'"),
        (("model.pt", "-t", "qm9/homo"), "molbench data build qm9"),
    ],
)
def test_mistakes_are_explained(ready: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        printed("evaluate", *arguments)
    assert not (ready / "results").exists()


@pytest.mark.slow
def test_boards_are_built_and_shown(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from molbench.spec.board import Board

    board = Board(name="toy", title="Toy board", description="d", tasks=["toy/size", "toy/mass"], seeds=2)
    monkeypatch.setattr("molbench.leaderboard.boards.load_boards", lambda: {"toy": board})
    printed("evaluate", "model.pt", "-t", "toy/size,toy/mass", "--seeds", "2", "--executor", "inline")
    assert "2 models, 2 tasks" in printed("board", "build", "-o", "boards")
    assert "Toy board" in Path("boards/site/boards/toy.html").read_text(encoding="utf-8")
    shown = printed("board", "show", "toy", "-o", "boards")
    assert "Toy board" in shown and "scratch-schnet-" in shown and "2/2" in shown
    assert json.loads(printed("board", "show", "toy", "-o", "boards", "--json"))["name"] == "toy"
    with pytest.raises(UserError, match="board build none"):
        printed("board", "show", "none", "-o", "boards")
