"""The same predictions give the same board, whether they lie as results or as submissions."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from molbench.evaluation import evaluate
from molbench.leaderboard import build_boards
from molbench.leaderboard.publish import publish
from tests.commands import run_command
from tests.evaluation.conftest import _built, save_checkpoint, toy_home  # noqa: F401 - fixtures

OWN = ("--name", "A model", "--license", "CC-BY-4.0", "--author", "A. Author", "--commit", "a" * 40)
TOY = {"name": "toy", "title": "Toy", "description": "d", "tasks": ["toy/size,toy/ring"], "seeds": 2}
LAWS = TOY | {"name": "laws", "tasks": ["audit/rotation,audit/batch"], "protocol": "audit", "seeds": 1}


@pytest.mark.slow
def test_results_and_submissions_of_them_are_one_board(
    toy_home: Path,  # noqa: F811 - a fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for board in (TOY, LAWS):
        Path(f"{board['name']}.yaml").write_text(yaml.safe_dump(board))
    models = [save_checkpoint(tmp_path / f"{name}.pt", seed) for seed, name in enumerate(("one", "other"))]
    for tasks, seeds in ((TOY["tasks"], 2), (LAWS["tasks"], 1)):
        done = evaluate(models, tasks, seeds=seeds, output=tmp_path / "r", executor="inline")
        assert not done.failures
    for folder in sorted(Path("r").iterdir()):
        run_command("submit", "pack", folder, *OWN)
    run_command("submit", "verify")  # two encoders that keep a law are no copies of each other

    rules = ["toy.yaml", "laws.yaml"]
    of_results = build_boards(Path("r"), Path("a"), rules)
    of_submissions = publish(Path("submissions"), Path("b"), rules)
    assert not of_results.aside and not of_submissions.aside
    for one, other in zip(of_results.records.boards, of_submissions.records.boards, strict=True):
        told = {"commands": True, "scores": {"__all__": {"seen"}}}  # a card does not list what was seen
        assert one.model_dump(exclude=told) == other.model_dump(exclude=told)
    toy, laws = of_results.records.boards
    assert {row.rank is not None for row in toy.rows} == {True} and any(row.gain for row in toy.rows)
    assert all(row.relative_error.low is not None for row in laws.rows if not row.model.startswith("scratch"))
