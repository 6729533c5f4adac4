"""The boards of the catalogue."""

import pytest

from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard import load_boards
from molbench.spec.catalogue import Catalogue

BOARDS = load_boards()
CATALOGUE = Catalogue.load()
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
