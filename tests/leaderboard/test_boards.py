"""The boards of the catalogue, and that of `make demo`."""

from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard import load_boards
from molbench.leaderboard.boards import tasks_on
from molbench.spec.board import Board
from molbench.spec.catalogue import Catalogue
from molbench.spec.document import read_yaml

BOARDS = load_boards()
CATALOGUE = Catalogue.load()
ROOT = Path(__file__).parents[2]
ENERGIES = ("u0", "u298", "h298", "g298")


@pytest.mark.parametrize("name", BOARDS)
def test_tasks_and_protocol_of_a_board_exist(name: str) -> None:
    board = BOARDS[name]
    tasks = [ref.id for ref in CATALOGUE.tasks(board.tasks, board.suite)]
    assert len(tasks) == len(set(tasks)) > 1 and board.protocol in load_protocols()
    assert sum(board.weights(tasks)) == pytest.approx(1)
    for patterns in board.groups:
        assert all(pattern in tasks for pattern in patterns), patterns


@pytest.mark.parametrize("name", BOARDS)
def test_four_energies_weigh_as_one_task(name: str) -> None:
    board = BOARDS[name]
    tasks = [ref.id for ref in CATALOGUE.tasks(board.tasks, board.suite)]
    weight = dict(zip(tasks, board.weights(tasks), strict=True))
    for task in tasks:
        bare, at, scheme = task.partition("@")
        if bare.endswith("/u0"):
            dataset = bare.removesuffix("u0")
            others = [f"{dataset}{name}{at}{scheme}" for name in ENERGIES]
            assert sum(weight.get(other, 0) for other in others) == pytest.approx(
                weight[f"{dataset}homo{at}{scheme}"]
            )


def test_the_demo_scores_the_tasks_of_its_board_as_the_embedded_board_does() -> None:
    demo = read_yaml(ROOT / "benchmarks" / "demo.yaml", Board)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"\nDEMO_TASKS := {','.join(demo.tasks)}\n" in makefile
    assert f"--protocol {demo.protocol} --seeds {demo.seeds}" in makefile
    embedded = BOARDS["embedded"]
    assert (demo.protocol, demo.seeds) == (embedded.protocol, embedded.seeds)
    assert set(demo.tasks) <= {ref.id for ref in CATALOGUE.tasks(embedded.tasks, embedded.suite)}


@pytest.mark.parametrize("columns", [{"suite": "nosuch"}, {"tasks": ["nosuch/*"]}], ids=["suite", "tasks"])
def test_a_board_of_nothing_is_named(columns: dict[str, object]) -> None:
    board = Board.model_validate({"name": "mine", "title": "Mine", "description": "d", **columns})
    with pytest.raises(UserError, match=r"^board 'mine': .*nosuch"):
        tasks_on(board, Catalogue.load())
