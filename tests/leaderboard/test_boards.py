"""The boards of the catalogue, and that of `make demo`."""

from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard import load_boards
from molbench.leaderboard.boards import boards_named, tasks_on
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


@pytest.mark.parametrize(
    "rules",
    [
        {"suite": "nosuch"},
        {"tasks": ["nosuch/*"]},
        {"protocol": "nosuch"},
        {"groups": [["xtb-molecules/mu", "xtb-molecules/nosuch"]]},
        {"versions": {"xtb-molecules/nosuch": "1.0"}},
        {"versions": {"xtb-molecules/mu": "nosuch"}},
    ],
    ids=lambda rules: next(iter(rules)),
)
def test_what_a_board_names_and_nobody_has_is_refused(rules: dict[str, object]) -> None:
    columns = {} if "suite" in rules else {"tasks": ["xtb-molecules/*"]}
    board = Board.model_validate({"name": "mine", "title": "Mine", "description": "d", **columns, **rules})
    with pytest.raises(UserError, match=r"^board 'mine': .*nosuch"):
        tasks_on(board, CATALOGUE)


def test_a_task_is_in_one_group() -> None:
    groups = [["xtb-molecules/u0", "xtb-molecules/mu"], ["xtb-molecules/*0"]]
    board = Board(name="mine", title="Mine", description="d", tasks=["xtb-molecules/*"], groups=groups)
    with pytest.raises(UserError, match=r"^board 'mine': groups: 'xtb-molecules/u0' is in two"):
        tasks_on(board, CATALOGUE)


def test_two_boards_are_not_one_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: qm9\ntitle: Mine\ndescription: d\ntasks: ['qm9/*']\n")
    with pytest.raises(UserError, match="2 boards are called 'qm9'"):
        boards_named(["qm9", str(tmp_path / "mine.yaml")])
