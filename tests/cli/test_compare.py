"""``molbench compare`` as a user types it."""

import json
from pathlib import Path

import pytest

from tests.commands import printed
from tests.leaderboard.conftest import write_result


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for task in ("data/a", "data/b"):
        for seed in range(3):
            write_result(tmp_path / "results", "mine", task, seed, 0.3)
            write_result(tmp_path / "results", "other one", task, seed, 0.5, environment={"torch": "1"})
    return tmp_path / "results"


def test_the_table_says_what_was_found(results: Path) -> None:
    output = printed("compare", "mine", "other one")
    for text in (
        "data/a",
        "data/b",
        "better",
        "±",
        "p (adjusted)",
        "detectable",
        "better in 2",
        "environment torch",
    ):
        assert text in output


def test_every_format_has_the_same_numbers(results: Path) -> None:
    differences = json.loads(printed("compare", "mine", "results/other one", "--format", "json"))[
        "differences"
    ]
    shown = f"{differences[0]['difference']:.3g}"[:5]
    for form in ("table", "md", "latex"):
        assert shown in printed("compare", "mine", "other one", "-f", form)


def test_a_figure_is_drawn(results: Path) -> None:
    printed("compare", "mine", "other one", "-t", "data/a", "--plot", "f.svg")
    assert Path("f.svg").is_file() and Path("f.csv").read_text().count("\n") == 2
