"""A mistake in a YAML file is reported with file, line and key."""

from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.spec.board import Board
from molbench.spec.document import parse_yaml, read_yaml
from molbench.spec.splits import Splits
from molbench.spec.tasks import Tasks

TASKS = """\
defaults:
  metrics: [mae]
  unit: meV
  scheme: random
  why: because
tasks:
  gap:
    target: gap
  homo:
    target: homo
"""


def problem(text: str, model: type = Tasks) -> str:
    with pytest.raises(UserError) as caught:
        parse_yaml(text, model, "tasks.yaml")
    return str(caught.value)


def test_defaults_reach_every_task() -> None:
    tasks = parse_yaml(TASKS, Tasks, "tasks.yaml").tasks
    assert tasks["gap"].unit == tasks["homo"].unit == "meV" and tasks["homo"].target == "homo"


def test_unknown_keys_are_refused_where_they_stand() -> None:
    assert problem(TASKS + "    metrix: [mae]\n") == "tasks.yaml:11: tasks.homo.metrix: unknown key 'metrix'"


def test_wrong_names_are_refused_where_they_stand_with_what_was_meant() -> None:
    own = problem(TASKS + "    metrics: [rmse, mea]\n")
    assert own.startswith("tasks.yaml:11: tasks.homo.metrics.1: unknown metric 'mea' (did you mean 'mae'?)")
    kind = problem(TASKS + "    kind: clasification\n")
    assert "tasks.yaml:11: tasks.homo.kind: unknown task kind 'clasification'" in kind
    assert "did you mean 'classification'" in kind


def test_what_tasks_have_from_defaults_is_told_once_and_there() -> None:
    metric = problem(TASKS.replace("[mae]", "[maee]"))
    assert metric.startswith("tasks.yaml:2: defaults.metrics.0: unknown metric 'maee'")
    assert len(metric.splitlines()) == 1
    assert problem(TASKS.replace("why", "wyh")).splitlines()[0] == (
        "tasks.yaml:7: tasks.gap.why: is required and missing"
    )
    assert "tasks.yaml:5: defaults.wyh: unknown key 'wyh'" in problem(TASKS.replace("why", "wyh"))


def test_missing_keys_point_at_the_entry() -> None:
    assert problem(TASKS.replace("    target: homo\n", "    version: 2\n")).startswith(
        "tasks.yaml:9: tasks.homo.target: is required"
    )


def test_wrong_values_say_what_would_be_right() -> None:
    assert "unknown unit 'mEv' (did you mean 'meV'?); known: Hartree" in problem(TASKS.replace("meV", "mEv"))
    assert "tasks.yaml:11: tasks.homo.version" in problem(TASKS + "    version: soon\n")


def test_repeated_keys_are_refused() -> None:
    assert problem(TASKS + "  gap:\n    target: gap\n") == "tasks.yaml:11: key 'gap' stands twice"


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tx: 1", "!!python/object/apply:os.system [echo]"])
def test_broken_or_unsafe_yaml_is_an_error_of_the_user(text: str) -> None:
    assert "not valid YAML" in problem(text)


@pytest.mark.parametrize("text", ["", "[]", "3"])
def test_a_file_of_the_wrong_shape_is_refused(text: str) -> None:
    assert problem(text)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.yaml: cannot be read"):
        read_yaml(tmp_path / "nothing.yaml", Tasks)
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.yaml: not UTF-8"):
        read_yaml(tmp_path / "latin.yaml", Tasks)


@pytest.mark.parametrize("name", ["all", "default"])
def test_reserved_scheme_names_are_refused(name: str) -> None:
    text = f"schemes:\n  '{name}':\n    generator: ratio\n    description: x\n"
    assert "cannot name a scheme" in problem(text, Splits)


BOARD = "name: mine\ntitle: Mine\ndescription: d\ntasks: ['toy/*']\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", "yes"),
        ("seeds", "no"),
        ("seeds", "three"),
        ("seeds", "0"),
        ("seeds", "2.5"),
        ("seeds", "[3]"),
        ("seeds", ".nan"),
        ("tasks", "3"),
        ("tasks", "toy/*"),
        ("tasks", "{toy: 1}"),
        ("groups", "[toy/a, toy/b]"),
        ("versions", "[toy/a]"),
        ("tiers", "[best]"),
        ("ranked", "3"),
        ("order", "3"),
        ("name", "no"),
        ("title", "3"),
        ("protocol", "[probe]"),
    ],
)
def test_a_wrong_type_is_one_line_with_file_and_key(key: str, value: str) -> None:
    kept = "".join(f"{line}\n" for line in BOARD.splitlines() if not line.startswith(f"{key}:"))
    number = len(kept.splitlines()) + 1
    for line in problem(f"{kept}{key}: {value}\n", Board).splitlines():  # one a mistake
        assert line.startswith(f"tasks.yaml:{number}: {key}")


def test_yes_and_no_are_no_numbers_but_truths() -> None:
    assert parse_yaml(BOARD + "ranked: no\n", Board, "b.yaml").ranked is False
    assert problem(BOARD + "seeds: yes\n", Board) == (
        "tasks.yaml:5: seeds: Input should be a valid integer, not yes"
    )
